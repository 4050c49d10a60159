"""Ways around the admin that its tests share."""

from collections.abc import Iterator

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user
from django.contrib.messages import get_messages
from django.forms import BoundField
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from apps.accounts import actions, lockout
from apps.accounts.models import User
from apps.lib.admin import page_of
from tests.make import PASSWORD

PEOPLE = "/admin/accounts/user/"
ELSEWHERE = "203.0.113.7"


def lock_out(user: User) -> None:
    for _ in range(5):
        lockout.count(email=user.email, address=ELSEWHERE)


def secure(user: User) -> None:
    """A second factor with recovery codes."""
    for kind in ("totp", "recovery_codes"):
        Authenticator.objects.create(user=user, type=kind, data={})


def unverified(name: str = "tomo") -> User:
    user = actions.register(email=f"{name}@example.org", password=PASSWORD, username=name)
    EmailAddress.objects.create(user=user, email=user.email, primary=True)
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def press(desk: Client, row, name: str) -> list[str]:
    """Press a button of the row's page; returns what the admin said."""
    desk.cookies.pop("messages", None)
    return said(desk.post(button_of(row, name)))


def button_of(row, name: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def said(answer: HttpResponse) -> list[str]:
    """What the next page will show."""
    return [str(message) for message in get_messages(answer.wsgi_request)]


def listed(desk: Client, path: str, **query) -> list:
    """The rows of a list."""
    return list(desk.get(path, query).context["cl"].result_list)


def form_of(desk: Client, row, **changes) -> dict[str, str]:
    """What the page's form sends when nobody touches it, and then these changes."""
    request = RequestFactory().get(page_of(row))
    request.user = get_user(desk)
    # As the page has it, without the time to draw it.
    context = admin.site._registry[type(row)].change_view(request, str(row.pk)).context_data
    sent = {}
    for form in [context["adminform"].form, *_below(context)]:
        for field in form:
            sent |= _sent(field)
    return sent | changes


def _below(context) -> Iterator:
    for inline in context["inline_admin_formsets"]:
        yield inline.formset.management_form
        yield from inline.formset.forms


def _sent(field: BoundField) -> dict[str, str]:
    values = {field.html_name: field.value()}
    if field.field.show_hidden_initial:
        values[field.html_initial_name] = field.value()
    widget = field.field.widget
    if hasattr(widget, "decompress"):
        parts = {name: widget.decompress(value) for name, value in values.items()}
        values = {f"{name}_{i}": part for name, both in parts.items() for i, part in enumerate(both)}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def added(table: str, **facts) -> dict[str, str]:
    """One new row in a table below the row, of which there is none yet."""
    return {f"{table}-TOTAL_FORMS": 1, **{f"{table}-0-{name}": value for name, value in facts.items()}}


def moment(name: str, when) -> dict[str, str]:
    """A date and a time as the form sends them."""
    return {f"{name}_0": f"{when:%Y-%m-%d}", f"{name}_1": f"{when:%H:%M:%S}"}


def history(row) -> list[str]:
    """What the row's history says, the newest first."""
    entries = LogEntry.objects.filter(object_id=str(row.pk)).order_by("-action_time", "-pk")
    return [entry.get_change_message() for entry in entries]
