import datetime as dt

import pytest
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Q
from django.test import Client, RequestFactory
from django.urls import reverse

from apps.accounts.models import ApiKey, User
from apps.lib.admin import (
    MOST_AT_ONCE,
    MOST_NAMES,
    AccessAdmin,
    badge,
    choice_filter,
    countdown,
    span,
)
from apps.lib.admin_lists import moment
from apps.lib.errors import Conflict
from tests.make import make_key

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (dt.timedelta(days=13, hours=4, minutes=59), "13 d 4 h"),
        (dt.timedelta(days=15), "15 d"),
        (dt.timedelta(hours=4, minutes=10), "4 h 10 min"),
        (dt.timedelta(hours=1), "1 h"),
        (dt.timedelta(minutes=10, seconds=9), "10 min"),
        (dt.timedelta(seconds=8), "8 s"),
        (-dt.timedelta(hours=2), "2 h"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(length, words):
    assert span(length) == words


def test_a_countdown_says_which_way_time_runs_and_when_exactly():
    assert ">in 13 d 4 h</time>" in countdown(NOW + dt.timedelta(days=13, hours=4), NOW)
    assert ">2 h ago</time>" in countdown(NOW - dt.timedelta(hours=2), NOW)
    assert 'title="2026-03-01 10:00 UTC"' in countdown(NOW - dt.timedelta(hours=2), NOW)
    assert ">just now</time>" in countdown(NOW - dt.timedelta(seconds=59), NOW)
    assert countdown(None) == moment(None) == ""


def test_a_badge_escapes_its_words():
    assert "<b>" not in badge("<b>")


OPTIONS = {
    "a": ("those with an a", Q(email__startswith="a")),
    "old": ("old ones", lambda now: Q(created_at__lt=now - dt.timedelta(days=1))),
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("default", "asked", "found"),
    [("", None, ["ana", "bob"]), ("", "a", ["ana"]), ("", "old", []), ("a", None, ["ana"]), ("a", "all", ["ana", "bob"]),
     ("", "nonsense", ["ana", "bob"])],
)  # fmt: skip
def test_a_choice_narrows_the_list_and_a_default_can_be_lifted(ana, bob, default, asked, found):
    chosen = choice_filter("letter", "letter", OPTIONS, default=default)
    params = {} if asked is None else {"letter": [asked]}
    rows = chosen(RequestFactory().get("/"), params, User, None).queryset(None, User.objects.order_by("email"))
    assert [user.profile.username for user in rows] == found


class Notebook(AccessAdmin):
    """A page about people, only to try what every page can do."""


@pytest.fixture
def asked(boss):
    """A request by an admin, able to hold messages."""
    request = RequestFactory().post("/")
    request.user, request.session = boss, SessionStore()
    request._messages = FallbackStorage(request)
    return request


def said(request) -> list[tuple[int, str]]:
    return [(message.level, str(message)) for message in get_messages(request)]


def refuse_bob(user: User) -> None:
    if user.profile.username == "bob":
        raise Conflict("Not him.")


@pytest.mark.django_db
def test_a_bulk_action_counts_what_happened_and_names_who_refused(asked, ana, bob):
    Notebook(User, admin.site).each(asked, User.objects.filter(pk__in=[ana.pk, bob.pk]), "Greet", refuse_bob)
    assert said(asked) == [
        (messages.WARNING, "Greet: 1 done, 1 refused."),
        (messages.WARNING, "bob@example.org: Not him."),
    ]


@pytest.mark.django_db
def test_a_bulk_action_takes_no_more_than_its_share_and_names_only_some(asked, bob):
    Notebook(User, admin.site).each(asked, [bob] * (MOST_AT_ONCE + 1), "Greet", refuse_bob)
    (_, first), (_, second) = said(asked)
    assert first == f"Greet: 0 done, {MOST_AT_ONCE} refused."
    assert second.endswith(f"bob@example.org and {MOST_AT_ONCE - MOST_NAMES} more: Not him.")


class Nicknames(AccessAdmin):
    def called(self, user) -> str:
        return f"dear {user.profile.username}"


@pytest.mark.django_db
def test_messages_and_history_name_a_row_alike(asked, ana, bob):
    Nicknames(User, admin.site).each(asked, [ana, bob], "Greet", refuse_bob)
    assert said(asked)[1] == (messages.WARNING, "dear bob: Not him.")
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.object_id, entry.get_change_message()) == ("dear ana", str(ana.pk), "Greet")


@pytest.mark.django_db
def test_what_an_app_above_adds_joins_what_was_there():
    class Extended(AccessAdmin):
        list_display = ["email"]

    def shout(page, user):
        return user.email.upper()

    Extended.extend(columns=[shout], filters=["is_active"], prefetch=["grants"])
    assert (Extended.list_display, Extended.list_filter) == (("email", "shout"), ("is_active",))
    assert Extended(User, admin.site).shout(User(email="a@b.c")) == "A@B.C"
    assert AccessAdmin.list_filter == ()


@pytest.fixture
def revoke(boss, ana):
    """(client, address of a button that asks first, its key)"""
    make_key(ana)
    key = ApiKey.objects.get()
    client = Client()
    client.force_login(boss)
    return client, reverse("admin:accounts_apikey_revoke", args=[key.pk]), key


@pytest.mark.django_db
def test_a_button_asks_before_it_acts_and_then_returns(revoke):
    client, path, key = revoke
    assert b"locked out at once" in client.get(path).content
    assert ApiKey.objects.get().revoked_at is None
    answer = client.post(path)
    assert answer.url == reverse("admin:accounts_apikey_change", args=[key.pk])
    assert ApiKey.objects.get().revoked_at is not None


@pytest.mark.django_db
@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_button_never_sends_anybody_to_another_site(revoke, there):
    client, path, key = revoke
    assert client.post(path, {"next": there}).url == reverse("admin:accounts_apikey_change", args=[key.pk])
    assert client.post(path, {"next": "/admin/accounts/apikey/?p=2"}).url == "/admin/accounts/apikey/?p=2"


@pytest.mark.django_db
def test_a_button_that_makes_no_sense_is_not_offered(revoke):
    client, path, key = revoke
    page = reverse("admin:accounts_apikey_change", args=[key.pk])
    assert path.encode() in client.get(page).content
    client.post(path)
    assert path.encode() not in client.get(page).content


@pytest.mark.django_db
def test_a_pasted_identity_finds_its_row(revoke, bob):
    client, _, key = revoke
    make_key(bob)
    page = client.get(reverse("admin:accounts_apikey_changelist"), {"q": f" {key.pk} "})
    assert [row.pk for row in page.context["cl"].result_list] == [key.pk]
