"""`/account/keys`: a person's API keys; a new one is shown once."""

import datetime as dt
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import actions
from apps.accounts.keys import NAME_LENGTH, SCOPE_WORDS
from apps.accounts.models import ApiKey
from apps.lib.errors import Refusal

LIFETIMES = {"30": "30 days", "90": "90 days", "365": "a year", "always": "until it is revoked"}
SHOWN = 200


class KeyForm(forms.Form):
    name = forms.CharField(max_length=NAME_LENGTH, help_text="What it is for, such as nightly import.")
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope, f"{scope}: {words}") for scope, words in SCOPE_WORDS.items()],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what the key may do."},
    )
    lifetime = forms.ChoiceField(label="It works for", choices=list(LIFETIMES.items()), initial="90")

    def facts(self, now: dt.datetime) -> dict:
        """What `actions.create_key` takes."""
        facts = dict(self.cleaned_data)
        days = facts.pop("lifetime")
        return facts | {"expires_at": None if days == "always" else now + dt.timedelta(days=int(days))}


def is_making(request: HttpRequest) -> bool:
    return request.method == "POST"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required(enabled=is_making)
def keys(request: HttpRequest) -> HttpResponse:
    """The keys and a form for another one. Whoever has not said the password for a while is asked before it is made."""
    form = KeyForm(request.POST or None)
    if is_making(request) and form.is_valid() and (clear := _made(request, form)):
        page = render(request, "accounts/key_made.html", {"clear": clear, "name": form.cleaned_data["name"]})
        page["Cache-Control"] = "no-store"
        return page
    now = timezone.now()
    rows = [{"key": key, "state": _state(key, now)} for key in _own(request).order_by("-id")[:SHOWN]]
    return render(request, "accounts/keys.html", {"form": form, "rows": rows}, status=400 if form.errors else 200)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    key = get_object_or_404(_own(request), pk=pk)
    actions.revoke_key(key=key)
    messages.success(request, f"{key.name} was revoked. It opens nothing any more.")
    return redirect("account-keys")


def _own(request: HttpRequest):
    return ApiKey.objects.editable_by(request.user)


def _state(key: ApiKey, now: dt.datetime) -> str:
    if key.revoked_at:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= now else "usable"


def _made(request: HttpRequest, form: KeyForm) -> str:
    """The clear text of the new key, or nothing and the refusal on the form."""
    now = timezone.now()
    try:
        return actions.create_key(user=request.user, **form.facts(now), now=now)[1]
    except Refusal as refusal:
        form.add_error(None, refusal.message)
        return ""
