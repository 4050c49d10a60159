"""Signing in, by the pages and by JSON alike: who is let in, who waits, and where it leads (S4-08, S4-09, S4-17)."""

import datetime as dt

import bcrypt
import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import mail
from django.test import Client
from django.utils import timezone

from apps.accounts import lockout, rescue
from apps.accounts.models import Lockout, Session, User
from apps.accounts.roles import Role
from tests.doors.entrance import (
    DOORS,
    JSON,
    NEW,
    browser,
    claim,
    code_of,
    codes,
    key_in_letter,
    pages,
    programs,
    signed_in,
    turn_on,
    who,
    wrong_code_of,
)
from tests.lib.threads import side_by_side
from tests.make import PASSWORD, make_key, make_user

pytestmark = pytest.mark.django_db

TWENTY = 20
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"
EVIL = [
    "https://evil.example/", "//evil.example/x", "///evil.example", "/\\evil.example", "\\\\evil.example", "http:evil",
    "https:///evil.example", "javascript:alert(1)", " //evil.example", "http://testserver/upload", "evil.example",
]  # fmt: skip


def tells_to_wait(answer) -> bool:
    if answer.headers["Content-Type"] == "application/json":
        return codes(answer) == ["too_many_login_attempts"] and "Wait" in answer.content.decode()
    return "Too many wrong passwords from here. Wait" in answer.content.decode()


def guess(door, email: str, times: int, address: str = HERE) -> list:
    return [door.sign_in(browser(address), email, f"guess {n}") for n in range(times)]


def comes_in(door, email: str, password: str = PASSWORD, address: str = HERE) -> bool:
    client = browser(address)
    door.sign_in(client, email, password)
    return who(client) == email


# --- The right person -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS)
def test_the_right_password_lets_in_whatever_the_case_of_the_address(door, ana, bob):
    """S4-08, S4-17."""
    client = browser()
    door.sign_in(client, " ANA@Example.ORG ")
    assert who(client) == ana.email
    assert client.session["_auth_user_id"] == str(ana.pk)


@pytest.mark.parametrize("door", DOORS)
def test_a_lock_that_has_expired_lets_nobody_in_as_somebody_else(door, ana, bob):
    """S4-17: `email = … AND locked_until IS NULL OR locked_until < now()` gave any row whose lock had expired."""
    past = timezone.now() - dt.timedelta(hours=1)
    for address in (HERE, ELSEWHERE):
        Lockout.objects.create(email=bob.email, address=address, failed_at=past, locked_until=past, times_locked=1)
    User.objects.filter(pk=bob.pk).update(password=User.objects.get(pk=ana.pk).password)
    for email in ("nobody@example.org", "", "%", "ana"):
        client = browser()
        door.sign_in(client, email)
        assert who(client) is None
    client = browser()
    door.sign_in(client, ana.email)
    assert who(client) == ana.email


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), PASSWORD[:-1], "x" * 100_000])
def test_no_other_password_does(door, ana, password):
    assert not comes_in(door, ana.email, password)


@pytest.mark.parametrize("door", DOORS)
def test_who_is_switched_off_stays_out_with_the_right_password(door, ana):
    User.objects.update(is_active=False)
    answer, wrong = (door.sign_in(browser(), ana.email, said) for said in (PASSWORD, "wrong"))
    assert answer.status_code == wrong.status_code and not comes_in(door, ana.email)


@pytest.mark.parametrize("door", DOORS)
def test_who_never_proved_the_address_stays_out_and_gets_the_letter_again(door):
    """S4-08."""
    claim("new@example.org")
    mail.outbox.clear()
    assert not comes_in(door, "new@example.org")
    assert [message.to for message in mail.outbox] == [["new@example.org"]]
    door.verify(browser(), key_in_letter())
    assert comes_in(door, "new@example.org")


@pytest.mark.django_db(transaction=True)
def test_many_who_sign_in_at_once_with_an_old_hash_stay_signed_in(settings):
    """One of them upgrades it; the sessions of all hang on the hash that is stored."""
    settings.ACCOUNT_RATE_LIMITS = False
    settings.PASSWORD_HASHERS = [*settings.PASSWORD_HASHERS, "apps.accounts.hashers.LegacyBcrypt"]
    ana = make_user("ana")
    old_hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(8)).decode()
    User.objects.filter(pk=ana.pk).update(password=old_hash)
    clients = [browser(f"198.51.100.{n}") for n in range(6)]
    side_by_side(*[lambda c=c: programs.sign_in(c, ana.email) for c in clients])
    assert [who(client) for client in clients] == [ana.email] * 6


# --- Lock-out -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("email", ["ana@example.org", "nobody@example.org"])
def test_after_five_wrong_passwords_one_waits(door, ana, email):
    """S4-08: the right one waits too, and an address that nobody has is treated alike."""
    assert not any(map(tells_to_wait, guess(door, email, 5)))
    assert tells_to_wait(door.sign_in(browser(), email))
    assert not comes_in(door, email)


@pytest.mark.parametrize("door", DOORS)
def test_the_wait_is_15_minutes_and_doubles(door, ana):
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for minutes in (15, 30, 60):
            guess(door, ana.email, 5)
            clock.shift(dt.timedelta(minutes=minutes, seconds=-1))
            assert tells_to_wait(door.sign_in(browser(), ana.email))
            clock.shift(dt.timedelta(seconds=2))
        assert comes_in(door, ana.email)


@pytest.mark.parametrize("door", DOORS)
def test_a_stranger_locks_nobody_out(door, ana):
    """Account and address count together: whoever guesses elsewhere waits there, and the owner comes in."""
    assert tells_to_wait(guess(door, ana.email, 12, ELSEWHERE)[-1])
    assert comes_in(door, ana.email)
    assert tells_to_wait(door.sign_in(browser(ELSEWHERE), ana.email))


@pytest.mark.parametrize("door", DOORS)
def test_a_success_forgets_the_failures_before_it(door, ana):
    for _ in range(3):
        guess(door, ana.email, 4)
        assert comes_in(door, ana.email)
    assert not lockout.of(ana.email).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", DOORS)
def test_twenty_guesses_at_once_count_as_twenty(door, settings):
    """A count after the look would let all of them through."""
    settings.ACCOUNT_RATE_LIMITS = False  # this limit alone, and not the one on requests
    ana = make_user("ana")
    answers = side_by_side(*[lambda: door.sign_in(browser(), ana.email, "guess")] * TWENTY)
    assert sum(map(tells_to_wait, answers)) == TWENTY - 5
    assert lockout.of(ana.email).get().locked_until is not None


@pytest.mark.django_db(transaction=True)
def test_the_right_password_at_the_same_moment_in_many_browsers_breaks_nothing(settings):
    """A success deletes what the next one is about to count in."""
    settings.ACCOUNT_RATE_LIMITS = False
    ana = make_user("ana")
    answers = side_by_side(*[lambda: pages.sign_in(browser(), ana.email)] * 12)
    assert {answer.status_code for answer in answers} <= {200, 302}
    assert all(answer.status_code == 302 or tells_to_wait(answer) for answer in answers)


@pytest.mark.parametrize("email", ["\u017fam@example.org", "SAM@example.org", " sam@EXAMPLE.org"])
def test_an_address_written_otherwise_has_no_count_of_its_own(email):
    """PostgreSQL makes S of \u017f too: who writes it so must not reach the account, or guesses again from nought."""
    sam = make_user("sam")
    guess(pages, sam.email, 5)
    client = browser()
    answer = pages.sign_in(client, email)
    assert who(client) is None
    assert tells_to_wait(answer) or "\u017f" in email


def test_a_household_is_one_place_by_ipv6(ana):
    guess(pages, ana.email, 5, "2001:db8:0:1::1")
    assert tells_to_wait(pages.sign_in(browser("2001:db8:0:1:ffff::2"), ana.email))
    assert comes_in(pages, ana.email, address="2001:db8:0:2::1")


@pytest.mark.parametrize("behind", [False, True])
def test_a_forged_forwarding_gives_no_new_count(ana, settings, behind):
    """Without a proxy the header is nobody's; behind one only its last entry is the proxy's."""
    settings.BEHIND_PROXY = behind
    tail = f", {HERE}" if behind else ""
    for n in range(6):
        client = browser(headers={"x-forwarded-for": f"203.0.113.{n}{tail}"})
        answer = pages.sign_in(client, ana.email, "guess")
    assert tells_to_wait(answer)


def test_behind_a_proxy_its_entry_is_the_place(ana, settings):
    settings.BEHIND_PROXY = True
    for address, waits in (("203.0.113.1", True), ("203.0.113.2", False)):
        for _ in range(6 if waits else 1):
            answer = pages.sign_in(browser(headers={"x-forwarded-for": address}), ana.email, "guess")
        assert tells_to_wait(answer) is waits


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", ["confirm", "change_password"])
def test_a_session_is_no_place_to_guess_in_peace(door, name, ana):
    """Guesses at the password that a page asks for again count like those at signing in."""
    client = signed_in(door, ana)
    for n in range(5):
        getattr(door, name)(client, f"guess {n}")
    assert tells_to_wait(door.sign_in(browser(), ana.email))
    assert comes_in(door, ana.email, address=ELSEWHERE)
    assert User.objects.get(pk=ana.pk).check_password(PASSWORD)


# --- Second factor --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", DOORS)
def test_with_a_second_factor_the_password_alone_opens_nothing(door, ana):
    secret, client = turn_on(ana), browser()
    answer = door.sign_in(client, ana.email)
    assert answer.status_code in (302, 401) and who(client) is None
    for path in ("/account/email", "/account/second-factor", "/account/second-factor/off", "/admin/", "/upload"):
        assert client.get(path).status_code == 302
    assert client.get("/api/v1/me").status_code in (401, 403)
    assert client.delete(f"{JSON}/account/authenticators/totp").status_code == 401
    door.enter_code(client, wrong_code_of(secret))
    assert who(client) is None
    door.enter_code(client, code_of(secret))
    assert who(client) == ana.email


@pytest.mark.parametrize("door", DOORS)
def test_the_code_without_the_password_opens_nothing(door, ana):
    client = browser()
    door.enter_code(client, code_of(turn_on(ana)))
    assert who(client) is None


@pytest.mark.parametrize("door", DOORS)
def test_a_code_works_once(door, ana):
    code, clients = code_of(turn_on(ana)), [browser(), browser(ELSEWHERE)]
    for client in clients:
        door.sign_in(client, ana.email)
    for client in clients:
        door.enter_code(client, code)
    assert [who(client) for client in clients] == [ana.email, None]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("recovery", [False, True])
def test_of_ten_uses_of_one_code_one_wins(recovery, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    ana = make_user("ana")
    secret = turn_on(ana)
    if recovery:
        client = signed_in_with(ana, code_of(secret))
        client.post("/account/second-factor/codes/new")
        code = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    clients = [browser() for _ in range(10)]
    for client in clients:
        programs.sign_in(client, ana.email)
    code = code if recovery else code_of(secret)  # of this half minute
    side_by_side(*[lambda c=c: programs.enter_code(c, code) for c in clients])
    assert sorted(who(client) or "" for client in clients) == [""] * 9 + [ana.email]


def signed_in_with(user: User, code: str) -> Client:
    client = browser()
    pages.sign_in(client, user.email)
    pages.enter_code(client, code)
    pages.confirm(client)
    assert who(client) == user.email
    return client


@pytest.mark.parametrize("door", DOORS)
def test_after_five_wrong_codes_the_account_waits(door, ana):
    """Whoever has the password still has a million codes to go, from wherever they try."""
    secret = turn_on(ana)
    for n in range(5):
        client = browser(f"198.51.100.{n}")
        door.sign_in(client, ana.email)
        door.enter_code(client, wrong_code_of(secret))
    client = browser()
    door.sign_in(client, ana.email)
    answer = door.enter_code(client, code_of(secret))
    assert "Too many wrong codes" in answer.content.decode() and who(client) is None


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("own", [True, False])
def test_a_change_of_password_gives_back_the_codes_that_were_used_up_and_a_reset_does_not(own, door, ana):
    """Whoever had the old password keeps its owner out no longer; whoever has only the mail cannot guess on and on."""
    here, secret, thief = signed_in(door, ana), turn_on(ana), browser(ELSEWHERE)
    door.sign_in(thief, ana.email)
    for _ in range(6):
        door.enter_code(thief, wrong_code_of(secret))
    if own:
        door.change_password(here, PASSWORD)
    else:  # even in a browser in which the person is signed in
        door.forget(here, ana.email)
        door.reset(here, key_in_letter())
    client = browser()
    door.sign_in(client, ana.email, NEW)
    door.enter_code(client, code_of(secret))
    assert (who(client), who(here)) == ((ana.email, ana.email) if own else (None, None))


@pytest.mark.parametrize("door", DOORS)
def test_a_password_that_was_changed_while_the_code_was_looked_for_opens_nothing(door, ana):
    secret, thief = turn_on(ana), browser(ELSEWHERE)
    door.sign_in(thief, ana.email)
    door.forget(browser(), ana.email)
    door.reset(browser(), key_in_letter())
    answer = door.enter_code(thief, code_of(secret))
    assert answer.status_code in (302, 401) and who(thief) is None


@pytest.mark.parametrize("door", DOORS)
def test_who_is_switched_off_while_the_code_is_looked_for_stays_out(door, ana):
    secret, client = turn_on(ana), browser()
    door.sign_in(client, ana.email)
    rescue.switch(user=ana, active=False)
    assert door.enter_code(client, code_of(secret)).status_code in (302, 401)
    assert not Session.objects.filter(user=ana).exists()
    rescue.switch(user=ana, active=True)
    assert who(client) is None


def test_a_session_that_somebody_took_turns_no_second_factor_off(ana):
    """Nor reads its codes, makes new ones or turns one on: each asks for the password again."""
    turn_on(ana)
    RecoveryCodes.activate(ana)
    thief = browser(ELSEWHERE)
    thief.force_login(ana)
    paths = ("off", "codes", "codes/new", "codes/file")
    answers = [ask(f"/account/second-factor/{path}") for path in paths for ask in (thief.get, thief.post)]
    assert {answer.status_code for answer in answers} <= {302, 405}
    assert thief.delete(f"{JSON}/account/authenticators/totp").status_code == 401
    assert thief.get(f"{JSON}/account/authenticators/recovery-codes").status_code == 401
    assert ana.authenticator_set.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", DOORS)
def test_turning_a_second_factor_on_ends_every_other_session(door):
    """They came in without it."""
    ana = make_user("ana")
    other, here = signed_in(door, ana), signed_in(door, ana)
    if door is pages:
        secret = here.get("/account/second-factor/on").context["form"].secret
        here.post("/account/second-factor/on", {"code": code_of(secret)})
    else:
        path = f"{JSON}/account/authenticators/totp"
        secret = here.get(path).json()["meta"]["secret"]
        here.post(path, {"code": code_of(secret)}, content_type="application/json")
    assert User.objects.get(pk=ana.pk).has_second_factor
    assert (who(here), who(other)) == (ana.email, None)
    assert secret not in str(Authenticator.objects.values())


# --- Staff ----------------------------------------------------------------------------------------------------------
STAFF_ONLY = "/api/v1/archive/statistics"


def test_staff_without_a_second_factor_have_no_rights_where_it_is_demanded(boss, settings):
    settings.STAFF_SECOND_FACTOR = True
    client, key = signed_in(pages, boss), make_key(boss, "admin")
    refused = client.get(STAFF_ONLY)
    assert (refused.status_code, "second factor" in refused.json()["detail"]) == (403, True)
    assert Client().get(STAFF_ONLY, headers={"authorization": f"Bearer {key}"}).status_code == 403
    led = client.get("/admin/", follow=True)
    assert led.request["PATH_INFO"] == "/account/second-factor"
    assert "Staff sign in with a second factor here" in led.content.decode()
    turn_on(boss)
    assert client.get("/admin/").status_code == client.get(STAFF_ONLY).status_code == 200
    assert Client().get(STAFF_ONLY, headers={"authorization": f"Bearer {key}"}).status_code == 200


def test_staff_need_no_second_factor_where_none_is_demanded(boss):
    assert signed_in(pages, boss).get("/admin/").status_code == 200


@pytest.mark.parametrize("demanded", [False, True])
@pytest.mark.parametrize("roles", [[], [Role.GALLERY_OWNER]])
def test_who_is_no_staff_is_told_so_and_led_nowhere(demanded, roles, settings):
    """Neither round in a circle, nor to a second factor that would change nothing."""
    settings.STAFF_SECOND_FACTOR = demanded
    shown = signed_in(pages, make_user(roles=roles)).get("/admin/", follow=True)
    assert (shown.status_code, len(shown.redirect_chain)) == (403, 1)
    assert "This is not yours to open" in shown.content.decode()


def test_the_admin_has_no_door_of_its_own(boss):
    """One way in, with its limits and its second factor; where one wanted to go is kept."""
    client, wanted = browser(), "/admin/catalog/track/?q=x"
    led = client.get(wanted, follow=True)
    assert led.request["PATH_INFO"] == "/sign-in"
    answer = client.post("/sign-in", {"login": boss.email, "password": PASSWORD, "next": wanted})
    assert answer["Location"] == wanted
    answer = Client().post("/admin/login/", {"username": boss.email, "password": PASSWORD})
    assert answer.status_code == 302 and answer["Location"].startswith("/sign-in")
    assert signed_in(pages, boss).get("/admin/password_change/")["Location"] == "/account/password"


# --- Where it leads -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("there", EVIL)
def test_no_page_leads_to_another_site(there, ana):
    """Whole addresses, not even our own: `next` is a path."""
    form = {"login": ana.email, "password": PASSWORD, "next": there}
    client = browser()
    led = [client.post("/sign-in", form), client.get("/sign-in", {"next": there})]
    led += [client.post("/account/confirm", {"password": PASSWORD, "next": there})]
    changed = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW, "next": there}
    led += [client.post("/account/password", changed), client.post("/sign-out", {"next": there})]
    led += [browser().post("/reset-password", {"email": ana.email, "next": there})]
    led += [browser().get("/admin/login/", {"next": there}), browser().get("/sign-out", {"next": there})]
    led += [signed_in_elsewhere(ana).post("/admin/logout/", {"next": there})]
    places = [answer["Location"] for answer in led]
    assert all(place.startswith("/") and not place.startswith(("//", "/\\")) for place in places)
    assert not any("evil" in place.partition("?")[0] for place in places)


def signed_in_elsewhere(user: User) -> Client:
    client = browser(ELSEWHERE)
    client.force_login(user)
    return client


def test_a_link_that_is_followed_with_next_stays_here():
    client = browser()
    pages.sign_up(client, "new@example.org")
    answer = client.post(f"/verify-email/{key_in_letter()}", {"next": "//evil.example"})
    assert answer["Location"] == "/"


@pytest.mark.parametrize("there", ["/upload", "/?q=a%20b", "/tracks/1?x=//evil.example"])
def test_a_path_of_ours_is_led_to(there, ana):
    answer = browser().post("/sign-in", {"login": ana.email, "password": PASSWORD, "next": there})
    assert answer["Location"] == there


def test_next_is_kept_through_the_second_factor(ana):
    secret, client = turn_on(ana), browser()
    client.post("/sign-in", {"login": ana.email, "password": PASSWORD, "next": "/upload"})
    assert pages.enter_code(client, code_of(secret))["Location"] == "/upload"


def test_links_for_programs_start_at_the_configured_address(ana, settings):
    """S4-10: never at what a request claims to be its host."""
    forged = Client(HTTP_HOST="localhost:666", HTTP_X_FORWARDED_HOST="evil.example", HTTP_X_FORWARDED_PROTO="https")
    programs.forget(forged, ana.email)
    programs.sign_up(forged, "new@example.org")
    for message in mail.outbox:
        assert f"{settings.SITE_URL}/" in message.body and "localhost:666" not in message.body
        assert "evil" not in message.body
    assert Client(HTTP_HOST="evil.example").post("/sign-in").status_code == 400


# --- Foreign pages, fixed sessions, parts that are away ---------------------------------------------------------------
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_the_json_door_takes_nothing_from_a_foreign_page(kind, ana):
    """Its requests carry the cookie, and no token."""
    client = Client(enforce_csrf_checks=True)
    client.get(f"{JSON}/config")
    token = client.cookies["csrftoken"].value
    said = f'{{"email": "{ana.email}", "password": "{PASSWORD}"}}'
    send = {"path": f"{JSON}/auth/login", "data": said, "content_type": kind}
    assert client.post(**send).status_code == 403
    assert client.post(**send, headers={"x-csrftoken": token, "origin": "https://evil.example"}).status_code == 403
    assert client.post(**send, headers={"x-csrftoken": token}).status_code == 200
    assert client.delete(f"{JSON}/auth/session").status_code == 403
    assert who(client) == ana.email


@pytest.mark.parametrize("door", DOORS)
def test_a_session_that_somebody_knew_before_is_not_the_one_signed_in(door, ana):
    """Fixation: a key that was planted, made up or handed out by the site itself."""
    attacker = browser()
    pages.sign_up(attacker, "new@example.org")
    known = attacker.cookies["sessionid"].value
    for planted in (known, "a" * 32):
        victim = browser()
        victim.cookies["sessionid"] = planted
        door.sign_in(victim, ana.email)
        assert who(victim) == ana.email and victim.cookies["sessionid"].value != planted
        attacker.cookies["sessionid"] = planted
        assert who(attacker) is None
    assert Session.objects.filter(user=ana).count() == 2


@pytest.mark.parametrize("door", DOORS)
def test_without_the_cache_nobody_signs_in_and_everybody_reads(door, ana, settings):
    """Its limits cannot be kept, so the door stays closed; a worker that waits for it is not kept waiting long."""
    settings.CACHES = {name: {**cache, "LOCATION": "redis://127.0.0.1:1/0"} for name, cache in settings.CACHES.items()}
    for ask in (door.sign_in, door.sign_up, door.forget):
        answer = ask(browser(), ana.email)
        assert answer.status_code == 503
        said = answer.content.decode()
        assert "Try again in a minute" in said and ("UNAVAILABLE" in said or door is pages)
    for path in ("/", "/sign-in", "/api/v1/tracks", f"{JSON}/auth/session"):
        assert browser().get(path).status_code in (200, 401)


BODIES = [
    b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 90_000, b'{"a":' * 50_000, b'{"email": 5, "password": []}',
    b'{"email": "\\ud800@x.org", "password": "\\ud800", "key": "\\ud800", "code": "\\ud800"}',
    b'{"email": "ana@example.org", "password": "\\ud800aaaaaaaaaa", "new_password": "\\ud800aaaaaaaaaa", '
    b'"current_password": "correct horse battery"}',
    b'{"email": "new@example.org", "password": "\\ud800aaaaaaaaaa", "profile_username": "\\ud800"}',
    b'{"email": "a@x.org", "password": "\\u0000", "key": "\\u0000", "code": "\\u0000"}',
]  # fmt: skip
ADDRESSES = ["auth/login", "auth/signup", "auth/password/request", "auth/password/reset", "auth/email/verify",
             "auth/reauthenticate", "auth/2fa/authenticate", "auth/2fa/reauthenticate", "account/password/change",
             "account/email", "account/authenticators/totp", "account/phone", "auth/code/confirm"]  # fmt: skip


@pytest.mark.parametrize("path", ADDRESSES)
def test_nonsense_at_the_json_door_is_refused_and_never_breaks_it(path, ana, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    anonymous, signed = browser(), signed_in(programs, ana)
    for body in BODIES:
        for client in (anonymous, signed):
            answer = client.post(f"{JSON}/{path}", body, content_type="application/json")
            assert 400 <= answer.status_code < 500 or answer.status_code == 200, body[:40]
    broken = anonymous.post(f"{JSON}/auth/login", b"{", content_type="application/json")
    assert (broken.status_code, broken.json()["code"]) == (400, "MALFORMED")
