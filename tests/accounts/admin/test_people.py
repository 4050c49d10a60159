"""The person's page and the list of people."""

import datetime as dt
import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import actions, lockout, notices, subscriptions
from apps.accounts.admin.people import UserForm
from apps.accounts.models import (
    ApiKey,
    Avatar,
    Letter,
    Profile,
    RoleChange,
    RoleGrant,
    Session,
    Subscription,
    TierOverride,
    User,
)
from apps.accounts.roles import Role
from apps.lib.admin import page_of
from apps.lib.errors import Forbidden
from tests.accounts.admin.desk import (
    ELSEWHERE,
    PEOPLE,
    added,
    client_of,
    form_of,
    history,
    listed,
    lock_out,
    moment,
    press,
    said,
    secure,
    unverified,
)
from tests.make import PASSWORD, make_key, make_user

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


# --- Coming and saving ---------------------------------------------------------------------------------------------
def test_a_new_person_comes_with_a_profile_and_a_password_that_works(desk):
    sent = {"email": "New.Person@Example.org", "password1": PASSWORD, "password2": PASSWORD}
    assert desk.post(f"{PEOPLE}add/", sent).status_code == 302
    person = User.objects.get(email__iexact="new.person@example.org")
    assert person.profile.username == "New.Person"
    assert person.roles == {Role.USER}
    assert Client().login(username="new.person@example.org", password=PASSWORD)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": "ANA@example.org"}, "This e-mail address is taken."),
        ({"password2": "something else"}, "password fields"),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"email": "no address"}, "valid email"),
    ],
)
def test_a_person_who_cannot_be_is_refused_with_the_reason(desk, ana, changes, words):
    sent = {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD, **changes}
    answer = desk.post(f"{PEOPLE}add/", sent)
    assert words in answer.content.decode()
    assert User.objects.count() == 2


def test_the_page_saves_as_it_stands(desk, boss, ana):
    subscriptions.subscribe(user=ana, plan="pro", by=boss)
    subscriptions.override(user=ana, plan="enterprise", reason="a guest", until=NOW + dt.timedelta(days=2), by=boss)
    actions.grant(user=ana, role=Role.ARTIST, by=boss)
    notices.tell(user=ana, kind="archive.lost", subject="1", title="Lost", message="It is lost.")
    client_of(ana)
    make_key(ana)
    models = (User, Profile, RoleGrant, Subscription, TierOverride, ApiKey, Session, RoleChange)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    answer = desk.post(page_of(ana), form_of(desk, ana))
    assert answer.status_code == 302
    assert [list(model.objects.order_by("pk").values()) for model in models] == before


def test_the_page_of_somebody_unproven_saves_too(desk):
    tomo = unverified()
    assert desk.post(page_of(tomo), form_of(desk, tomo, **{"profile-0-bio": "Hello."})).status_code == 302
    assert Profile.objects.get(user=tomo).bio == "Hello."
    assert Profile.objects.get(user=tomo).username.startswith("new-")


def test_a_profile_is_corrected_by_the_rules_that_its_person_has(desk, ana):
    changes = {"profile-0-display_name": "  Ana\u202e Sol ", "profile-0-country": "pt"}
    assert desk.post(page_of(ana), form_of(desk, ana, **changes)).status_code == 302
    profile = Profile.objects.get(user=ana)
    assert (profile.display_name, profile.country) == ("Ana Sol", "PT")


@pytest.mark.parametrize(
    ("name", "words"), [("admin", "reserved"), ("BOB", "This name is taken."), ("a b", "Use 2 to 30 of a to z")]
)
def test_a_username_that_cannot_be_is_refused_on_the_form(desk, ana, bob, name, words):
    answer = desk.post(page_of(ana), form_of(desk, ana, **{"profile-0-username": name}))
    assert words in answer.content.decode()
    assert Profile.objects.get(user=ana).username == "ana"


def test_a_new_password_at_this_moment_survives_the_page(desk, ana, monkeypatch):
    """Only what was changed is written, never the whole row as it was when the request read it."""

    def meanwhile(form):
        actions.set_password(user=ana, password="another horse battery")

    monkeypatch.setattr(UserForm, "clean", meanwhile)
    assert desk.post(page_of(ana), form_of(desk, ana, email="other@example.org")).status_code == 302
    ana.refresh_from_db()
    assert ana.email == "other@example.org"
    assert check_password("another horse battery", ana.password)


# --- Addresses -----------------------------------------------------------------------------------------------------
def test_an_address_that_staff_correct_is_one_they_vouch_for(desk, ana, mailoutbox):
    """S4-08; the old address learns of it."""
    assert desk.post(page_of(ana), form_of(desk, ana, email="Other@Example.org")).status_code == 302
    row = EmailAddress.objects.get(user=ana)
    assert (row.email, row.verified, row.primary) == ("other@example.org", True, True)
    assert User.objects.get(pk=ana.pk).email == "other@example.org"
    (letter,) = mailoutbox
    assert letter.to == ["ana@example.org"]
    assert "other@example.org" in letter.body
    assert any("Email" in line for line in history(ana))


def test_an_address_of_somebody_else_is_refused_in_words(desk, ana, bob):
    answer = desk.post(page_of(ana), form_of(desk, ana, email="BOB@example.org"))
    assert "This e-mail address is taken." in answer.content.decode()
    assert User.objects.get(pk=ana.pk).email == "ana@example.org"


def test_an_address_that_was_taken_at_this_moment_is_refused_in_words_and_nothing_is_saved(
    desk, ana, bob, monkeypatch, mailoutbox
):
    """As when Bob's account is made between the form's look and the write."""
    monkeypatch.setattr(User, "validate_constraints", lambda self, exclude=None: None)
    answer = desk.post(page_of(ana), form_of(desk, ana, email="bob@example.org", **{"profile-0-bio": "x"}))
    assert said(answer) == ["This e-mail address is taken."]
    assert (User.objects.get(pk=ana.pk).email, Profile.objects.get(user=ana).bio) == ("ana@example.org", "")
    assert not mailoutbox


def test_a_name_that_was_taken_at_this_moment_is_refused_in_words_and_nothing_is_saved(desk, ana, bob, monkeypatch):
    monkeypatch.setattr(Profile, "validate_constraints", lambda self, exclude=None: None)
    changes = {"profile-0-username": "bob", **added("grants", role="artist")}
    assert said(desk.post(page_of(ana), form_of(desk, ana, **changes))) == ["This name is taken."]
    assert (Profile.objects.get(user=ana).username, ana.roles) == ("ana", {Role.USER})


def test_marking_an_address_as_verified_lets_its_person_in(desk):
    tomo = unverified()
    assert "Cannot sign in now" in desk.get(page_of(tomo)).content.decode()
    assert press(desk, tomo, "vouch") == ["tomo@example.org counts as verified."]
    assert EmailAddress.objects.get(user=tomo).verified
    assert User.objects.get(pk=tomo.pk).email_verified_at is not None
    assert "Cannot sign in now" not in desk.get(page_of(tomo)).content.decode()
    assert history(tomo) == ["Mark as verified"]


def test_a_verification_letter_is_sent_to_the_unverified_alone_and_however_often_staff_ask(desk, ana, mailoutbox):
    tomo = unverified()
    for _ in range(7):
        assert "on its way" in press(desk, tomo, "send_verification")[-1]
    assert [letter.to for letter in mailoutbox] == 7 * [["tomo@example.org"]]
    assert press(desk, ana, "send_verification") == ["The address is verified."]
    assert len(mailoutbox) == 7


# --- Passwords -----------------------------------------------------------------------------------------------------
def test_a_reset_link_goes_to_the_person_and_staff_never_see_it(desk, ana, mailoutbox, settings):
    """S4-10: by the same flow as if the person had asked; the link starts at the configured address."""
    answer = desk.post(f"{PEOPLE}{ana.pk}/send-reset/", follow=True, headers={"host": "localhost"})
    (letter,) = mailoutbox
    link = re.search(rf"{settings.SITE_URL}/reset-password/\S+", letter.body)[0]
    token = link.rpartition("/")[2]
    assert letter.to == ["ana@example.org"]
    for page in (answer, desk.get(page_of(ana)), desk.get("/admin/accounts/letter/")):
        assert token not in page.content.decode()
    assert token not in str(history(ana))
    sent = {"password1": "another horse battery", "password2": "another horse battery"}
    browser = Client()
    browser.post(browser.get(link).url, sent)
    assert check_password("another horse battery", User.objects.get(pk=ana.pk).password)


def test_who_is_switched_off_gets_no_reset_link(desk, ana, mailoutbox):
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert "switched off" in press(desk, ana, "send_reset")[0]
    assert not mailoutbox


def test_staff_set_a_new_password_and_its_person_is_signed_out_and_told(desk, ana, mailoutbox):
    """S4-09: by the one door for passwords, which ends every session."""
    path, new, browser = f"{PEOPLE}{ana.pk}/password/", "another horse battery", client_of(ana)
    assert path.split("/")[-2] in desk.get(page_of(ana)).content.decode()
    assert desk.post(path, {"password1": new, "password2": new}).status_code == 302
    assert check_password(new, User.objects.get(pk=ana.pk).password)
    assert not Session.objects.filter(user=ana).exists()
    assert not is_in(browser)
    assert [letter.to for letter in mailoutbox] == [["ana@example.org"]]
    assert new not in mailoutbox[0].body
    assert history(ana) == ["Changed password."]


@pytest.mark.parametrize("sent", [{}, {"password1": "short", "password2": "short"}, {"usable_password": "false"}])
def test_a_password_that_cannot_be_is_refused_and_no_password_is_no_choice(desk, ana, sent):
    assert desk.post(f"{PEOPLE}{ana.pk}/password/", {**sent, "unset-password": "1"}).status_code == 200
    assert check_password(PASSWORD, User.objects.get(pk=ana.pk).password)


def test_ones_own_password_has_its_own_page(desk, boss):
    """Where the old one is asked for; the admin's two doors lead there."""
    for path in ("/admin/password_change/", f"{PEOPLE}{boss.pk}/password/"):
        for answer in (desk.get(path), desk.post(path, {"password1": "x" * 20, "password2": "x" * 20})):
            assert (answer.status_code, answer.url) == (302, "/account/password")
    assert check_password(PASSWORD, User.objects.get(pk=boss.pk).password)


# --- On and off ----------------------------------------------------------------------------------------------------
def test_switching_somebody_off_ends_their_sessions_for_good(desk, ana):
    browser = client_of(ana)
    sent = form_of(desk, ana)
    del sent["is_active"]
    assert desk.post(page_of(ana), sent).status_code == 302
    assert not User.objects.get(pk=ana.pk).is_active
    assert desk.post(page_of(ana), form_of(desk, ana, is_active="on")).status_code == 302
    assert User.objects.get(pk=ana.pk).is_active
    assert not is_in(browser)


def test_nobody_changes_their_own_roles_or_plan_or_locks_themself_out(desk, boss):
    forged = {
        "grants-0-DELETE": "on",
        "grants-TOTAL_FORMS": 2,
        "grants-1-role": "artist",
        **added("subscriptions", plan="enterprise"),
        **added("tier_overrides", plan="enterprise", reason="me"),
        **moment("subscriptions-0-period_start", NOW),
        **moment("tier_overrides-0-until", NOW + dt.timedelta(days=9)),
    }
    sent = form_of(desk, boss, **forged)
    assert "is_active" not in sent
    assert desk.post(page_of(boss), sent).status_code == 302
    boss = User.objects.get(pk=boss.pk)
    assert (boss.is_active, boss.roles, boss.tier) == (True, {Role.USER, Role.ADMIN}, "free")
    assert not Subscription.objects.exists() and not TierOverride.objects.exists()


# --- Roles ---------------------------------------------------------------------------------------------------------
def test_a_role_is_granted_by_whoever_presses_save_and_stays_in_the_history(desk, boss, ana):
    assert desk.post(page_of(ana), form_of(desk, ana, **added("grants", role="moderator"))).status_code == 302
    grant = RoleGrant.objects.get(user=ana)
    assert (grant.role, grant.granted_by) == ("moderator", boss)
    assert list(RoleChange.objects.values_list("user", "role", "change", "by")) == [
        (boss.pk, "admin", "granted", None),
        (ana.pk, "moderator", "granted", boss.pk),
    ]
    assert "boss@example.org" in desk.get(page_of(ana)).content.decode()


def test_a_role_is_withdrawn(desk, boss, ana):
    actions.grant(user=ana, role=Role.ARTIST, by=None)
    assert desk.post(page_of(ana), form_of(desk, ana, **{"grants-0-DELETE": "on"})).status_code == 302
    assert not RoleGrant.objects.filter(user=ana).exists()
    assert RoleChange.objects.filter(user=ana, change="withdrawn", by=boss).exists()


def test_a_rule_that_says_no_becomes_a_message_and_nothing_is_saved(desk, ana, monkeypatch):
    """As when another admin takes the right away between the page and its form."""

    def too_late(**_):
        raise Forbidden("Only an admin grants roles.")

    monkeypatch.setattr(actions, "grant", too_late)
    changes = {**added("grants", role="artist"), "profile-0-display_name": "Ana"}
    answer = desk.post(page_of(ana), form_of(desk, ana, **changes))
    assert said(answer) == ["Only an admin grants roles."]
    assert Profile.objects.get(user=ana).display_name == ""


def test_the_gallery_is_handed_over_by_its_button_alone(desk, ana, bob):
    """S2-01, C-09: exactly one owner; it cannot be granted twice nor withdrawn, and who had it has it no longer."""
    assert "gallery owner" in press(desk, bob, "hand_over_gallery")[0]
    answer = desk.post(page_of(ana), form_of(desk, ana, **added("grants", role="gallery_owner")))
    assert "Select a valid choice" in answer.content.decode()
    answer = desk.post(page_of(bob), form_of(desk, bob, **{"grants-0-DELETE": "on"}))
    assert "exactly one gallery owner" in said(answer)[0]
    assert list(RoleGrant.objects.filter(role="gallery_owner").values_list("user", flat=True)) == [bob.pk]
    press(desk, ana, "hand_over_gallery")
    assert list(RoleGrant.objects.filter(role="gallery_owner").values_list("user", flat=True)) == [ana.pk]
    assert history(ana) == ["Hand the gallery over to this person"]


def test_nobody_hands_the_gallery_to_themself(desk, boss):
    assert "nobody grants to themself" in press(desk, boss, "hand_over_gallery")[0]
    assert not RoleGrant.objects.filter(role="gallery_owner").exists()


# --- Help ----------------------------------------------------------------------------------------------------------
def test_the_page_says_why_somebody_cannot_sign_in_and_how_to_help(desk):
    tomo = unverified()
    lock_out(tomo)
    Letter.objects.create(recipient=tomo.email, subject="Confirm", sealed=b"", error_message="550 no such mailbox")
    content = desk.get(page_of(tomo)).content.decode()
    for words in ("never verified", f"Locked out at {ELSEWHERE} until", "550 no such mailbox", "Failed attempts"):
        assert words in content
    for name in ("vouch", "send-verification", "lift"):
        assert f"{PEOPLE}{tomo.pk}/{name}/" in content


def test_the_page_says_that_staff_without_a_second_factor_may_do_nothing(desk, boss, settings):
    mona, ana = make_user(roles=[Role.MODERATOR]), make_user("ana")
    secure(boss)
    assert "may do nothing" not in desk.get(page_of(mona)).content.decode()
    settings.STAFF_SECOND_FACTOR = True
    assert "may do nothing" in desk.get(page_of(mona)).content.decode()
    assert "may do nothing" not in desk.get(page_of(ana)).content.decode()


def test_the_page_says_which_address_somebody_wants_instead(desk, ana):
    EmailAddress.objects.create(user=ana, email="wished@example.org")
    assert "a change to wished@example.org waits" in desk.get(page_of(ana)).content.decode()


def test_a_lock_out_is_lifted_and_the_right_password_opens_again(desk, ana):
    """S4-09."""
    lock_out(ana)
    assert "Cannot sign in from " in desk.get(page_of(ana)).content.decode()
    sent = {"login": "ana@example.org", "password": PASSWORD}
    assert Client(REMOTE_ADDR=ELSEWHERE).post("/sign-in", sent).status_code == 200
    assert press(desk, ana, "lift") == ["They may try again, from everywhere."]
    assert Client(REMOTE_ADDR=ELSEWHERE).post("/sign-in", sent).status_code == 302
    assert history(ana) == ["Lift the lock-out"]


def test_signing_somebody_out_everywhere_asks_first_and_leaves_others_in(desk, ana, bob):
    first, second, other = client_of(ana), client_of(ana), client_of(bob)
    assert "signed out at once" in desk.get(f"{PEOPLE}{ana.pk}/sign-out/").content.decode()
    assert is_in(first)
    assert press(desk, ana, "sign_out") == ["Signed out of 2 browsers."]
    assert (is_in(first), is_in(second), is_in(other)) == (False, False, True)


def test_a_second_factor_is_taken_away_with_its_codes_and_sessions_and_its_person_told(desk, ana, bob, mailoutbox):
    browser = client_of(ana)
    secure(ana)
    secure(bob)
    assert "Be sure that it is them" in desk.get(f"{PEOPLE}{ana.pk}/drop-second-factor/").content.decode()
    assert Authenticator.objects.filter(user=ana).count() == 2
    press(desk, ana, "drop_second_factor")
    assert set(Authenticator.objects.values_list("user", flat=True)) == {bob.pk}
    assert not is_in(browser)
    assert [letter.to for letter in mailoutbox] == [["ana@example.org"]]
    assert press(desk, ana, "drop_second_factor") == ["There is no second factor."]


def test_ones_own_second_factor_is_not_taken_away_here(desk, boss):
    secure(boss)
    assert "in your account" in press(desk, boss, "drop_second_factor")[0]
    assert Authenticator.objects.filter(user=boss).count() == 2


def test_a_picture_is_removed(desk, ana):
    Avatar.objects.create(user=ana, image=b"x", sha256="a" * 64)
    assert "a" * 64 in desk.get(page_of(ana)).content.decode()
    press(desk, ana, "drop_avatar")
    assert not Avatar.objects.exists()


# --- What the page shows and costs ---------------------------------------------------------------------------------
def test_a_key_shows_its_first_characters_and_never_its_digest(desk, ana):
    clear, key = make_key(ana, "read", "upload"), ApiKey.objects.get()
    for path in ("/admin/accounts/apikey/", page_of(key), page_of(ana)):
        content = desk.get(path).content.decode()
        assert key.prefix in content
        assert "read, upload" in content
        assert key.digest not in content
        assert clear not in content


def test_a_revoked_key_is_said_to_be_revoked(desk, ana):
    make_key(ana)
    press(desk, ApiKey.objects.get(), "revoke")
    assert "revoked" in desk.get(page_of(ana)).content.decode()
    assert [key.revoked_at is not None for key in listed(desk, "/admin/accounts/apikey/", state="revoked")] == [True]


def test_the_page_costs_the_same_for_a_little_and_for_much(desk, boss, ana):
    def fill(times: int) -> None:
        for number in range(times):
            make_key(ana)
            client_of(ana)
            notices.tell(user=ana, kind="archive.lost", subject=f"{times} {number}", title="Lost", message="Lost.")
            until = timezone.now() + dt.timedelta(days=number + 1)
            subscriptions.override(user=ana, plan="pro", reason="a guest", until=until, by=boss)
            actions.grant(user=ana, role=Role.ARTIST, by=boss)
            actions.withdraw(user=ana, role=Role.ARTIST, by=boss)
            lockout.count(email=ana.email, address=f"203.0.113.{times + number}")

    costs = []
    for times in (1, 8):
        fill(times)
        desk.get(page_of(ana))
        with CaptureQueriesContext(connection) as spent:
            desk.get(page_of(ana))
        costs.append(len(spent))
    assert costs[0] == costs[1]
