"""Sessions, lock-outs and role changes as lists."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts import actions, lockout
from apps.accounts.models import Lockout, RoleChange, Session
from apps.accounts.roles import Role
from apps.lib.admin import page_of
from tests.accounts.admin.desk import client_of, history, listed, press
from tests.make import make_user

pytestmark = pytest.mark.django_db

SESSIONS, LOCKOUTS, CHANGES = (f"/admin/accounts/{name}/" for name in ("session", "lockout", "rolechange"))
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
HERE, THERE = "203.0.113.7", "198.51.100.23"


def signed_in(user, address: str = HERE) -> Client:
    client = Client(REMOTE_ADDR=address, headers={"user-agent": FIREFOX})
    client.post("/sign-in", {"login": user.email, "password": "correct horse battery"})
    return client


def locked_out(email: str, address: str = HERE) -> Lockout:
    for _ in range(5):
        lockout.count(email=email, address=address)
    return Lockout.objects.get(email=email, address=address)


def everything(desk: Client, path: str) -> list:
    return listed(desk, path, state="all")


# --- Sessions ------------------------------------------------------------------------------------------------------
def test_a_session_says_where_it_is_and_never_what_its_cookie_holds(desk, ana):
    """S4-09."""
    browser = signed_in(ana)
    (row,) = Session.objects.filter(user=ana)
    cookie = browser.cookies["sessionid"].value
    for path in (SESSIONS, page_of(row), page_of(ana)):
        content = desk.get(path).content.decode()
        assert HERE in content
        assert "Firefox" in content
        assert cookie not in content
        assert row.session_data not in content


def test_signing_one_browser_out_leaves_the_others_and_stands_with_the_person(desk, ana):
    first, second = signed_in(ana), signed_in(ana, THERE)
    row = Session.objects.get(user=ana, address=HERE)
    assert press(desk, row, "sign_out") == ["This browser is signed out."]
    assert first.get("/account/sessions").status_code == 302
    assert second.get("/account/sessions").status_code == 200
    assert history(ana) == [f"Sign out: Firefox on Linux, {HERE}"]


def test_a_button_that_ends_its_row_leads_back_to_where_it_was_pressed(desk, ana):
    for _ in range(3):
        signed_in(ana)
    first, second, third = Session.objects.filter(user=ana)
    for row, there, back in (
        (first, f"{page_of(ana)}#sessions", f"{page_of(ana)}#sessions"),
        (second, page_of(second), SESSIONS),
        (third, "", SESSIONS),
    ):
        assert desk.post(f"{SESSIONS}{row.pk}/sign-out/", {"next": there}).url == back


def test_many_browsers_are_signed_out_at_once(desk, boss, ana, bob):
    for user in (ana, ana, bob):
        signed_in(user)
    chosen = list(Session.objects.filter(user=ana).values_list("pk", flat=True))
    desk.post(SESSIONS, {"action": "sign_out_all", "_selected_action": chosen})
    assert set(Session.objects.values_list("user", flat=True)) == {bob.pk, boss.pk}


def test_the_list_opens_on_who_is_signed_in(desk, boss, ana):
    signed_in(ana)
    Session.objects.create(session_key="a" * 64, expire_date=Session.objects.first().expire_date)
    assert {row.user_id for row in listed(desk, SESSIONS)} == {ana.pk, boss.pk}
    (stranger,) = listed(desk, SESSIONS, state="strangers")
    assert (stranger.user, press(desk, stranger, "sign_out")) == (None, ["This browser is signed out."])
    assert [row.user_id for row in listed(desk, SESSIONS, q="ana@")] == [ana.pk]
    assert [row.user_id for row in listed(desk, SESSIONS, q=HERE)] == [ana.pk]


def test_the_persons_page_shows_ten_at_once_and_leads_on(desk, ana):
    later = timezone.now() + dt.timedelta(days=1)
    Session.objects.bulk_create(
        Session(session_key=f"{number:064x}", user=ana, expire_date=later) for number in range(12)
    )
    tables = {
        inline.formset.prefix: inline.formset for inline in desk.get(page_of(ana)).context["inline_admin_formsets"]
    }
    assert len(tables["sessions"].forms) == 10
    more = desk.get(page_of(ana), {"sessions-page": "2"}).context["inline_admin_formsets"]
    assert [len(inline.formset.forms) for inline in more if inline.formset.prefix == "sessions"] == [2]


# --- Lock-outs -----------------------------------------------------------------------------------------------------
def test_a_lock_out_says_how_often_and_until_when_for_addresses_of_nobody_too(desk, ana):
    """S4-09: failed_login_attempts and locked_until."""
    locked_out(ana.email)
    locked_out("nobody@example.net", THERE)
    lockout.count(email=ana.email, address=THERE)
    assert [row.email for row in listed(desk, LOCKOUTS)] == ["nobody@example.net", "ana@example.org"]
    assert len(everything(desk, LOCKOUTS)) == 3
    content = desk.get(LOCKOUTS).content.decode()
    for words in ("locked out", "in 14 min", HERE, "nobody", page_of(ana), ">5<"):
        assert words in content


def test_lifting_one_lock_out_lets_the_account_in_from_everywhere(desk, ana, bob):
    row = locked_out(ana.email)
    locked_out(ana.email, THERE)
    locked_out(bob.email)
    assert press(desk, row, "lift") == ["ana@example.org may try again, from everywhere."]
    assert [left.email for left in Lockout.objects.all()] == [bob.email]
    assert history(ana) == [f"Lift the lock-out: ana@example.org from {HERE}"]


def test_many_lock_outs_are_lifted_at_once(desk, ana, bob):
    rows = [locked_out(ana.email), locked_out(ana.email, THERE), locked_out("nobody@example.net")]
    locked_out(bob.email)
    desk.post(LOCKOUTS, {"action": "lift_all", "_selected_action": [row.pk for row in rows]})
    assert [left.email for left in Lockout.objects.all()] == [bob.email]
    assert history(rows[2]) == [f"Lift the lock-out: nobody@example.net from {HERE}"]


# --- Role changes --------------------------------------------------------------------------------------------------
def test_the_history_of_roles_says_who_did_what_and_writes_nothing(desk, boss, ana):
    actions.grant(user=ana, role=Role.MODERATOR, by=boss)
    actions.withdraw(user=ana, role=Role.MODERATOR, by=boss)
    rows = listed(desk, CHANGES, role="moderator")
    assert [(row.user, row.change, row.by) for row in rows] == [(ana, "withdrawn", boss), (ana, "granted", boss)]
    assert listed(desk, CHANGES, change="withdrawn") == rows[:1]
    assert "the system" in desk.get(CHANGES, {"role": "admin"}).content.decode()
    for page in (f"{CHANGES}add/", page_of(rows[0])):
        assert desk.post(page, {"role": "admin", "user": ana.pk}).status_code == 403
    assert RoleChange.objects.count() == 3


def test_a_moderator_sees_nothing_of_people(ana):
    """Django's permissions follow from roles (S4-12)."""
    browser = client_of(make_user(roles=[Role.MODERATOR]))
    index = browser.get("/admin/").content.decode()
    assert "/admin/catalog/track/" in index
    assert "/admin/accounts/" not in index
    assert "Accounts locked out" not in index
    assert browser.get(page_of(ana)).status_code == 403
