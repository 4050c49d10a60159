"""Links in letters: each works once and for a while, at both doors, and its token is kept nowhere (S4-10, C-16)."""

import datetime as dt
import itertools
import json
import re
import time
from urllib.parse import quote, unquote

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import connection
from django.test import Client

from apps.accounts import actions, lockout
from apps.accounts.models import Letter, Session, User
from apps.lib.seal import unseal
from tests.doors.entrance import (
    DOORS,
    JSON,
    KEY,
    NEW,
    Pages,
    Programs,
    browser,
    claim,
    code_of,
    codes,
    key_in_letter,
    pages,
    programs,
    signed_in,
    who,
)
from tests.lib.threads import side_by_side
from tests.make import PASSWORD, make_key, make_user

pytestmark = pytest.mark.django_db

TWENTY = 20


def reset_link(user: User) -> str:
    pages.forget(browser(), user.email)
    return key_in_letter()


def is_verified(email: str) -> bool:
    return EmailAddress.objects.filter(email=email, verified=True).exists()


# --- Verification ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS)
def test_who_signs_up_comes_in_by_the_link_and_by_nothing_else(door):
    """S4-08, S4-10."""
    client = browser()
    door.sign_up(client, "New@Example.org")
    assert who(client) is None and who_signs_in(door, "new@example.org") is None
    door.verify(client, key_in_letter(0))
    user = User.objects.get()
    assert who(client) == user.email == "new@example.org"
    assert user.email_verified_at is not None and is_verified(user.email)
    assert who_signs_in(door, user.email) == user.email


def who_signs_in(door, email: str, password: str = PASSWORD) -> str | None:
    client = browser("192.0.2.200")
    door.sign_in(client, email, password)
    return who(client)


def test_the_wish_for_a_name_is_kept_until_the_address_is_proven():
    """A name that is taken at once would tell that the address was unknown."""
    user = claim("new@example.org", profile_username="DJ-New")
    assert user.profile.username.startswith("new-") and len(user.profile.username) == 20
    pages.verify(browser(), key_in_letter())
    user.profile.refresh_from_db()
    assert (user.profile.username, user.profile.display_name) == ("DJ-New", "")


@pytest.mark.parametrize("door", DOORS)
def test_a_verification_link_lives_for_24_hours(door):
    claim("new@example.org")
    key = key_in_letter()
    with time_machine.travel(time.time() + 24 * 3600 - 60, tick=False):
        assert browser().get(f"{JSON}/auth/email/verify", headers={"x-email-verification-key": key}).status_code == 200
    with time_machine.travel(time.time() + 24 * 3600 + 60, tick=False):
        answer = door.verify(browser(), key)
    assert answer.status_code in (400, 404) and not is_verified("new@example.org")


@pytest.mark.parametrize("forge", [lambda key: "", lambda key: "x", lambda key: key[:-1], lambda key: key[:-1] + "~",
                                   lambda key: key.upper(), lambda key: "1" + key, lambda key: "é" * 9])  # fmt: skip
def test_a_tampered_verification_link_is_refused_in_words_and_by_code(forge):
    claim("new@example.org")
    forged = forge(key_in_letter())
    if forged:
        assert "This link does not work any more" in browser().get(f"/verify-email/{forged}").content.decode()
        assert pages.verify(browser(), forged).status_code == 404
    answer = programs.verify(browser(), forged)
    assert (answer.status_code, codes(answer)) in [(400, ["invalid_or_expired_key"]), (400, ["required"])]
    assert not is_verified("new@example.org")


def test_a_verification_link_works_once():
    """S4-10."""
    claim("new@example.org")
    key = key_in_letter()
    assert pages.verify(browser(), key).status_code == 302
    assert pages.verify(browser(), key).status_code == 404
    assert "This link does not work any more" in browser().get(f"/verify-email/{key}").content.decode()
    answer = programs.verify(browser(), key)
    assert (answer.status_code, codes(answer)) == (400, ["invalid_or_expired_key"])


def test_a_used_link_signs_nobody_in():
    client = browser()
    pages.sign_up(client, "new@example.org")
    pages.verify(browser("192.0.2.2"), key_in_letter())
    pages.verify(client, key_in_letter())
    assert who(client) is None


@pytest.mark.parametrize("again", DOORS)
@pytest.mark.parametrize("door", DOORS)
def test_whoever_signed_up_first_has_no_password_in_the_account_of_the_second(door, again):
    """Whoever reads the mail confirms and resets; a browser that waited is not let in, by either link or password."""
    stranger, owner, email = browser("198.51.100.1"), browser(), "new@example.org"
    door.sign_up(stranger, email, "words of a stranger")
    again.sign_up(owner, email, "words of the owner")
    first, second = mail.outbox
    assert (first.subject, first.to) == (second.subject, second.to) and KEY.search(second.body)
    assert "choose “Forgot the password?”" in second.body
    door.verify(stranger, key_in_letter(0))
    assert is_verified(email) and who(stranger) is None
    assert [who_signs_in(door, email, f"words of {whom}") for whom in ("a stranger", "the owner")] == [None, None]
    again.forget(owner, email)
    again.reset(owner, key_in_letter())
    assert who_signs_in(again, email, NEW) == email


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", DOORS)
def test_of_those_who_sign_up_at_once_none_has_a_password(door, settings):
    """And each causes one letter."""
    settings.ACCOUNT_RATE_LIMITS = False
    passwords = [f"orchard of glass {n}" for n in range(4)]
    answers = side_by_side(*[lambda p=p: door.sign_up(browser(), "new@example.org", p) for p in passwords])
    assert len({answer.status_code for answer in answers}) == 1 and len(mail.outbox) == 4
    assert not User.objects.get().has_usable_password()


@pytest.mark.parametrize("door", DOORS)
def test_a_further_sign_up_changes_no_account_that_is_proven(door, ana):
    door.sign_up(browser(), ana.email, NEW)
    assert who_signs_in(door, ana.email) == ana.email and "has an account already" in mail.outbox[0].body


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", DOORS)
def test_of_twenty_uses_of_one_verification_link_one_wins(door, settings):
    """S4-10: every other one is refused, and none breaks."""
    settings.ACCOUNT_RATE_LIMITS = False  # the link alone decides
    claim("new@example.org")
    key = key_in_letter()
    answers = side_by_side(*[lambda: door.verify(browser(), key)] * TWENTY)
    won = [answer for answer in answers if answer.status_code in (302, 401)]  # confirmed, and to sign in now
    assert len(won) == 1
    assert {answer.status_code for answer in answers if answer not in won} <= {400, 404, 409}
    assert is_verified("new@example.org")


def test_a_link_for_an_address_that_was_changed_meanwhile_does_nothing(ana):
    client = signed_in(pages, ana)
    pages.change_email(client, "first@example.net")
    first = key_in_letter()
    pages.change_email(client, "second@example.net")
    assert pages.verify(browser(), first).status_code == 404
    assert codes(programs.verify(browser(), first)) == ["invalid_or_expired_key"]
    ana.refresh_from_db()
    assert ana.email == "ana@example.org"


def test_a_link_of_before_staff_corrected_the_address_does_nothing():
    user = claim("typo@example.org")
    key = key_in_letter()
    actions.change_email(user=user, email="right@example.org")
    assert pages.verify(browser(), key).status_code == 404
    user.refresh_from_db()
    assert user.email == "right@example.org" and not is_verified("typo@example.org")


# --- Change of address ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS)
def test_an_address_changes_when_the_new_one_is_proven(door, ana):
    client = signed_in(door, ana)
    door.change_email(client, "New@Example.net")
    ana.refresh_from_db()
    assert (ana.email, mail.outbox[-1].to) == ("ana@example.org", ["new@example.net"])
    door.verify(browser(), key_in_letter())
    ana.refresh_from_db()
    assert ana.email == "new@example.net" and ana.profile.username == "ana"
    assert mail.outbox[-1].to == ["ana@example.org"]  # who had the old one is told
    assert who_signs_in(door, "ana@example.org") is None and who_signs_in(door, "new@example.net") == ana.email


@pytest.mark.parametrize("door", DOORS)
def test_an_address_changes_only_for_whoever_just_said_the_password(door, ana):
    client = browser()
    client.force_login(ana)
    door.change_email(client, "new@example.net")
    assert not EmailAddress.objects.filter(email="new@example.net").exists()


@pytest.mark.parametrize("door", DOORS)
def test_an_address_of_somebody_else_cannot_be_had(door, ana, bob):
    client = signed_in(door, ana)
    door.change_email(client, bob.email)
    answer = door.verify(browser(), key_in_letter())
    assert answer.status_code in (400, 409)
    ana.refresh_from_db()
    assert ana.email == "ana@example.org"


@pytest.mark.parametrize("door", DOORS)
def test_whoever_proves_an_address_has_it_against_one_who_only_claimed_it(door, ana):
    """Else anybody could keep an address from its owner by signing up with it."""
    claim("wanted@example.net")
    client = signed_in(door, ana)
    door.change_email(client, "wanted@example.net")
    door.verify(browser(), key_in_letter())
    ana.refresh_from_db()
    assert ana.email == "wanted@example.net"
    assert User.objects.count() == 1


@pytest.mark.parametrize("door", DOORS)
def test_to_ask_for_an_address_does_not_keep_its_owner_from_signing_up(door, ana):
    door.change_email(signed_in(door, ana), "wanted@example.net")
    client = browser("192.0.2.9")
    door.sign_up(client, "wanted@example.net")
    door.verify(client, key_in_letter())
    assert who(client) == "wanted@example.net"
    assert User.objects.get(email="wanted@example.net").pk != ana.pk


@pytest.mark.parametrize("door", DOORS)
def test_an_address_that_was_only_asked_for_resets_nothing(door, ana):
    """A slip of the pen in the new address must not hand the account to whoever has it."""
    door.change_email(signed_in(door, ana), "slip@example.net")
    door.forget(browser(), "slip@example.net")
    assert mail.outbox[-1].to == ["slip@example.net"]
    assert "/reset-password/" not in mail.outbox[-1].body


# --- Reset ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS)
def test_a_forgotten_password_is_set_by_the_link(door, ana):
    """S4-10: every session ends, nobody is signed in by it, and the owner is told."""
    thief = signed_in(door, ana, address="198.51.100.1")
    client = browser()
    door.forget(client, "ANA@example.org")
    answer = door.reset(client, key_in_letter())
    assert answer.status_code in (302, 401) and who(client) is None and who(thief) is None
    assert not Session.objects.filter(user=ana).exists()
    assert "password" in mail.outbox[-1].subject and mail.outbox[-1].to == [ana.email]
    assert who_signs_in(door, ana.email, NEW) == ana.email
    assert who_signs_in(door, ana.email) is None


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("door", DOORS)
def test_a_new_password_drops_a_change_of_address_that_waits(door, own, ana):
    """Whoever knew the old one may have asked for it, and would have the account by the link."""
    thief, here = signed_in(door, ana, address="198.51.100.1"), signed_in(door, ana)
    door.change_email(thief, "thief@example.net")
    link = key_in_letter()
    if own:
        door.change_password(here, PASSWORD)
    else:
        door.forget(browser(), ana.email)
        door.reset(browser(), key_in_letter())
    assert door.verify(browser("198.51.100.1"), link).status_code in (400, 404)
    ana.refresh_from_db()
    assert ana.email == "ana@example.org" and is_verified(ana.email)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("door", DOORS)
def test_a_reset_revokes_api_keys_and_a_change_leaves_them(door, own, ana):
    here, headers = signed_in(door, ana), {"authorization": f"Bearer {make_key(ana, 'read')}"}
    if own:
        assert "Your API keys</a> go on working" in here.get("/account/password").content.decode()
        door.change_password(here, PASSWORD)
    else:  # even in a browser in which the person is signed in
        door.forget(here, ana.email)
        assert "revokes all your API keys" in mail.outbox[-1].body
        assert door.reset(here, key_in_letter()).status_code in (302, 401)
    assert Client().get("/api/v1/me", headers=headers).status_code == (200 if own else 401)


@pytest.mark.parametrize("door", DOORS)
def test_a_reset_link_lives_for_an_hour(door, ana):
    key = reset_link(ana)
    with time_machine.travel(time.time() + 3600 - 60, tick=False):
        assert browser().get(f"{JSON}/auth/password/reset", headers={"x-password-reset-key": key}).status_code == 200
    with time_machine.travel(time.time() + 3600 + 60, tick=False):
        door.reset(browser(), key)
    assert who_signs_in(pages, ana.email, NEW) is None


@pytest.mark.parametrize("forge", [lambda key: "x", lambda key: "x-y", lambda key: key[:-1], lambda key: f"{key}0",
                                   lambda key: key.replace("-", "-0", 1), lambda key: "0" * 32 + key[32:],
                                   lambda key: f"{key[:32]}-{'é' * 9}"])  # fmt: skip
def test_a_tampered_reset_link_is_refused_in_words_and_by_code(forge, ana):
    forged = forge(reset_link(ana))
    shown = browser().get(f"/reset-password/{forged}", follow=True)
    assert shown.status_code == 404 or "This link does not work any more" in shown.content.decode()
    answer = programs.reset(browser(), forged)
    assert (answer.status_code, codes(answer)) == (400, ["invalid_password_reset"])
    assert who_signs_in(pages, ana.email) == ana.email


def test_a_reset_link_works_once(ana):
    """S4-10."""
    key = reset_link(ana)
    pages.reset(browser(), key)
    shown = browser().get(f"/reset-password/{key}", follow=True)
    assert "This link does not work any more" in shown.content.decode()
    answer = programs.reset(browser(), key, "another password 1")
    assert (answer.status_code, codes(answer)) == (400, ["invalid_password_reset"])
    assert who_signs_in(pages, ana.email, NEW) == ana.email


def test_a_reset_link_ends_with_a_sign_in_a_new_password_and_a_new_address(ana):
    ends = [
        lambda: pages.sign_in(browser(), ana.email),
        lambda: actions.set_password(user=User.objects.get(pk=ana.pk), password=PASSWORD),
        lambda: actions.change_email(user=ana, email="moved@example.org"),
    ]
    for end in ends:
        key = reset_link(User.objects.get(pk=ana.pk))
        end()
        assert codes(programs.reset(browser(), key)) == ["invalid_password_reset"]


@pytest.mark.parametrize("door", DOORS)
def test_a_weak_password_is_refused_and_the_link_stays_good(door, ana):
    key = reset_link(ana)
    for weak in ("short", "password1234", "ana@example.org"):
        door.reset(browser(), key, weak)
    door.reset(browser(), key)
    assert who_signs_in(door, ana.email, NEW) == ana.email


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", DOORS)
def test_of_twenty_uses_of_one_reset_link_one_wins(door, settings):
    """S4-10: twenty passwords are tried, one is set, and who was told so is right."""
    settings.ACCOUNT_RATE_LIMITS = False  # the link alone decides
    ana = make_user("ana")
    key = reset_link(ana)
    passwords = [f"orchard of glass {n}" for n in range(TWENTY)]
    clients = [browser() for _ in passwords]
    if door is pages:  # the form is open in all of them
        forms = [client.get(f"/reset-password/{key}", follow=True).request["PATH_INFO"] for client in clients]
        works = [
            lambda c=c, f=f, p=p: c.post(f, {"password1": p, "password2": p})
            for c, f, p in zip(clients, forms, passwords, strict=True)
        ]
    else:
        works = [lambda c=c, p=p: door.reset(c, key, p) for c, p in zip(clients, passwords, strict=True)]
    answers = side_by_side(*works)
    won = [p for p, answer in zip(passwords, answers, strict=True) if answer.status_code in (302, 401)]
    assert len(won) == 1
    assert {answer.status_code for answer in answers} <= {302, 401, 200, 400, 409}
    assert User.objects.get(pk=ana.pk).check_password(won[0])


def test_a_reset_opens_a_pair_that_was_locked_out(ana):
    for _ in range(6):
        pages.sign_in(browser(), ana.email, "wrong")
    client = browser()
    pages.forget(client, ana.email)
    pages.reset(client, key_in_letter())
    assert not lockout.of(ana.email).exists()


def test_an_account_that_is_switched_off_gets_no_link(ana):
    User.objects.update(is_active=False)
    pages.forget(browser(), ana.email)
    assert "/reset-password/" not in mail.outbox[-1].body


# --- Change of password ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS)
def test_a_change_of_password_ends_every_other_session(door, ana):
    other, here = signed_in(door, ana), signed_in(door, ana)
    assert door.change_password(here, PASSWORD).status_code in (200, 302)
    assert (who(here), who(other)) == (ana.email, None)
    assert Session.objects.filter(user=ana).count() == 1


@pytest.mark.parametrize("door", DOORS)
def test_a_change_of_password_needs_the_old_one(door, ana):
    here = signed_in(door, ana)
    answer = door.change_password(here, "wrong")
    assert answer.status_code == (200 if door is pages else 400)
    if door is programs:
        assert codes(answer) == ["enter_current_password"]
    assert User.objects.get(pk=ana.pk).check_password(PASSWORD)


# --- Where tokens are not -------------------------------------------------------------------------------------------
def words_in_database() -> str:
    """Every text in every table; bytes as their hexadecimal digits and as what they say."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            found += [row for (row,) in cursor.fetchall()]
    whole = "\n".join(found)
    return whole + "".join(bytes.fromhex(digits).decode("latin-1") for digits in re.findall(r"\\\\x([0-9a-f]+)", whole))


@pytest.fixture
def outbox(settings):
    """The letters as the site keeps them; returns the tokens that they hold."""
    settings.EMAIL_BACKEND = "apps.accounts.tasks.Outbox"

    def tokens() -> list[str]:
        bodies = [json.loads(unseal(bytes(row.sealed).decode()))["body"] for row in Letter.objects.order_by("pk")]
        return [unquote(key) for body in bodies for key in KEY.findall(body)]

    return tokens


@pytest.mark.django_db(transaction=True)
def test_no_token_and_no_secret_is_in_any_table_in_clear(outbox):
    """S4-10, C-16: of passwords, links, second factors, recovery codes and sessions."""
    ana = make_user("ana")
    client = signed_in(pages, ana)
    pages.sign_up(browser(), "new@example.org")
    pages.change_email(signed_in(programs, make_user("bob")), "bob@example.net")
    pages.forget(browser(), ana.email)
    secret = client.get("/account/second-factor/on").context["form"].secret
    client.post("/account/second-factor/on", {"code": code_of(secret)})
    recovery = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    tokens = outbox()
    assert len(tokens) == 3 and len(recovery) == 10
    browser().get(f"/reset-password/{tokens[-1]}", follow=True)  # the form is open, its key in a session
    known = [*tokens, *map(quote, tokens), tokens[-1].partition("-")[2]]
    stored = words_in_database()
    assert "ana@example.org" in stored  # the search would find them
    for word in [*known, secret, *recovery, PASSWORD, client.session.session_key]:
        assert word not in stored


def test_no_token_is_in_the_log(ana, caplog, settings):
    """A refusal is logged with its path; the tokens in it are not."""
    claim("new@example.org")
    verification, reset = key_in_letter(), reset_link(ana)
    strict = Client(enforce_csrf_checks=True)
    strict.post(f"/verify-email/{verification}")
    strict.post(f"/reset-password/{reset}")
    strict.put(f"/reset-password/{reset}")
    settings.ACCOUNT_RATE_LIMITS = {"reset_password_from_key": "1/m/ip"}
    for _ in range(2):
        browser().post(f"/reset-password/{reset}", {})
    pages.verify(browser(), verification)
    pages.verify(browser(), verification)
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert said.count("/verify-email/…") >= 2 and said.count("/reset-password/…") >= 2
    for token in (verification, reset, reset.partition("-")[2]):
        assert token not in said


# --- How many letters -----------------------------------------------------------------------------------------------
def letters_to(address: str) -> int:
    return sum(message.to == [address] for message in mail.outbox)


@pytest.mark.parametrize("door", DOORS)
def test_nobody_fills_a_strangers_inbox(door, ana):
    """Five letters of a kind in half an hour, from wherever they are asked for; the sixth asking answers alike."""
    numbers = itertools.count(1)
    for ask, email in [(door.forget, ana.email), (door.forget, "x@example.net"), (door.sign_up, ana.email)]:
        mail.outbox.clear()
        answers = [ask(browser(f"192.0.2.{next(numbers)}"), email) for _ in range(7)]
        assert letters_to(email) == 5
        assert len({answer.status_code for answer in answers}) == 1


@pytest.mark.parametrize("door", DOORS)
def test_who_asks_for_letters_to_somebody_cannot_keep_them_from_theirs(door, ana):
    """No limit by e-mail address alone: what a stranger used up would stop the owner."""
    for n in range(12):
        door.forget(browser(f"198.51.100.{n}"), ana.email)
    client = browser()
    assert door.forget(client, ana.email).status_code in (200, 302)
    assert door.reset(client, key_in_letter()).status_code in (302, 401)
    assert who_signs_in(door, ana.email, NEW) == ana.email


@pytest.mark.parametrize("door", DOORS)
def test_a_claim_on_an_address_does_not_use_up_its_owners_verification(door, ana):
    door.change_email(signed_in(door, ana, address="198.51.100.1"), "wanted@example.net")
    client = browser()
    door.sign_up(client, "wanted@example.net")
    assert letters_to("wanted@example.net") == 2
    door.verify(client, key_in_letter())
    assert who(client) == "wanted@example.net"


def test_a_letter_that_was_lost_comes_again_with_the_next_sign_in():
    claim("new@example.org")
    mail.outbox.clear()
    pages.sign_in(browser(), "new@example.org")
    assert letters_to("new@example.org") == 1


def test_accounts_that_nobody_proved_are_forgotten_after_a_week(ana):
    claim("new@example.org")
    now = User.objects.get(email="new@example.org").created_at
    assert actions.forget_unproven(now=now + dt.timedelta(days=6)) == 0
    assert actions.forget_unproven(now=now + dt.timedelta(days=8)) == 1
    assert list(User.objects.all()) == [ana]


def test_pages_and_programs_offer_the_same():
    assert {name for name in vars(Pages) if name[0] != "_"} == {name for name in vars(Programs) if name[0] != "_"}
