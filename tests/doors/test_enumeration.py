"""Who has an account is nobody's business: known and unknown addresses answer alike at every door."""

import itertools
import re
from types import SimpleNamespace

import pytest
from django.core import mail
from django.http import HttpResponse
from django.urls import resolve

from apps.accounts import actions
from apps.accounts.models import Lockout, Profile, User
from config import limits
from tests.doors.entrance import DOORS, JSON, NEW, browser, claim, codes, pages, programs, signed_in, turn_on
from tests.lib.threads import side_by_side
from tests.make import make_user

pytestmark = pytest.mark.django_db

EMAIL = "somebody@example.org"
CHANCE = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")\w+|(?<=nonce=")[^"]+|(?<=\'nonce-)[^\']+')


def switched_off() -> None:
    make_user("somebody")
    User.objects.update(is_active=False)


def locked_elsewhere() -> None:
    make_user("somebody")
    for _ in range(6):
        pages.sign_in(browser("198.51.100.66"), EMAIL, "wrong")


def changed_away() -> None:
    actions.change_email(user=make_user("somebody"), email="else@example.org")


# What may be the matter with an address. The first is that nobody has it.
KINDS = {
    "unknown": lambda: None,
    "known": lambda: make_user("somebody"),
    "never verified": lambda: claim(EMAIL),
    "switched off": switched_off,
    "locked out elsewhere": locked_elsewhere,
    "with a second factor": lambda: turn_on(make_user("somebody")),
    "without a password": lambda: actions.register(email=EMAIL, password=None, vouched=True),
    "given up": changed_away,
    "asked for by somebody": lambda: pages.change_email(signed_in(pages, make_user("other")), EMAIL),
}


def heard(answer: HttpResponse) -> tuple:
    """All that an answer says, but for what chance says in it."""
    cookies = sorted((name, morsel["path"], morsel["max-age"]) for name, morsel in answer.cookies.items())
    headers = {name: CHANCE.sub("", value) for name, value in answer.items() if name != "Expires"}
    return answer.status_code, headers, cookies, CHANCE.sub("", answer.content.decode())


def different(kind: str, some: list[tuple], usual: list[tuple]) -> list[tuple]:
    """(kind, which answer, what it says, what is said to an unknown address) for every difference."""
    answers = enumerate(zip(some, usual, strict=True))
    return [(kind, n, *said) for n, both in answers for said in zip(*both, strict=True) if said[0] != said[1]]


def asked(door) -> list[HttpResponse]:
    """Everything that can be asked about the address, twice, and what the browser is shown then."""
    guessing, forgetting, arriving = browser(), browser(), browser()
    answers = [door.sign_in(guessing, EMAIL, "not the password") for _ in range(2)]
    answers += [door.forget(forgetting, EMAIL) for _ in range(2)]
    answers += [door.sign_up(arriving, EMAIL, NEW, profile_username="wished-for") for _ in range(2)]
    answers += [door.sign_in(arriving, EMAIL, NEW), browser().get("/people/wished-for")]
    return answers + [client.get(f"{JSON}/auth/session") for client in (guessing, forgetting, arriving)]


@pytest.mark.parametrize("door", DOORS)
def test_what_is_the_matter_with_an_address_shows_in_no_answer(door):
    """C-16: body, status, headers and cookies, of sign-in, reset and sign-up, and of a sign-in after that."""
    told = {}
    for kind, make in KINDS.items():
        User.objects.all().delete()
        Lockout.objects.all().delete()
        make()
        told[kind] = [heard(answer) for answer in asked(door)]
    assert [different(kind, told[kind], told["unknown"]) for kind in KINDS] == [[]] * len(KINDS)


@pytest.mark.parametrize("door", DOORS)
def test_a_lock_out_is_told_to_known_and_unknown_alike(door):
    answers = {}
    for email in ("ana@example.org", "nobody@example.org"):
        make_user("ana" if email.startswith("ana") else "")
        client = browser()
        asked = [door.sign_in(client, email, "wrong").content.decode().replace(email, "") for _ in range(7)]
        answers[email] = [CHANCE.sub("", content) for content in asked]
    assert answers["ana@example.org"] == answers["nobody@example.org"]
    assert "Wait 15 min" in answers["nobody@example.org"][-1] and "Wait" not in answers["nobody@example.org"][0]


@pytest.mark.parametrize("door", DOORS)
def test_every_asking_sends_one_letter_whatever_is_known(door):
    """A letter tells the address's owner; to whoever asked, its sending costs the same."""
    for kind in ("known", "unknown"):
        User.objects.all().delete()
        KINDS[kind]()
        for ask in (door.forget, door.sign_up):
            mail.outbox.clear()
            ask(browser(), EMAIL)
            assert [message.to for message in mail.outbox] == [[EMAIL]], kind


@pytest.mark.parametrize("door", DOORS)
def test_whether_a_sign_up_made_an_account_shows_in_no_name(door, ana):
    """A second sign-up, or somebody's profile, would find the wished name taken."""
    for email in (EMAIL, ana.email):
        door.sign_up(browser(), email, NEW, profile_username="wished-for")
        answer = door.sign_up(browser(), f"second-{email}", NEW, profile_username="wished-for")
        assert answer.status_code in (302, 401)
        assert not Profile.objects.filter(username__iexact="wished-for").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", DOORS)
def test_two_sign_ups_at_once_answer_like_one_with_a_known_address(door, settings):
    settings.ACCOUNT_RATE_LIMITS = False  # how often is another matter
    make_user("somebody")
    known = door.sign_up(browser(), EMAIL)
    works = [lambda: door.sign_up(browser(), "new@example.org")] * 6
    answers = side_by_side(*works)
    assert {answer.status_code for answer in answers} == {known.status_code}
    assert User.objects.filter(email="new@example.org").count() == 1


@pytest.mark.parametrize("door", DOORS)
def test_asking_to_change_to_an_address_does_not_tell_whether_it_is_taken(door, ana, bob):
    told = [heard(door.change_email(signed_in(door, ana), email)) for email in (bob.email, "who@example.org")]
    said = [str(each).replace(bob.email, "").replace("who@example.org", "") for each in told]
    assert said[0] == said[1]


# --- Time -----------------------------------------------------------------------------------------------------------
DOORS_OF_PAGES = ("/sign-in", "/sign-up", "/reset-password", "/account/email")
DOORS_OF_PROGRAMS = tuple(
    f"{JSON}/{name}" for name in ("auth/login", "auth/signup", "auth/password/request", "account/email")
)
set_password = User.set_password


@pytest.fixture
def slept(settings, monkeypatch) -> list[float]:
    """How long answers waited, in place of waiting; a request takes 130 ms each time it is looked at the clock."""
    settings.SIGN_IN_TAKES_MS, looks = 400, itertools.count()
    pauses: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: next(looks) * 0.13, sleep=pauses.append)
    monkeypatch.setattr(limits, "time", clock)
    return pauses


@pytest.mark.parametrize("door", DOORS)
def test_an_answer_about_an_address_takes_whole_steps(door, slept, ana):
    """S4-08, C-16: 130 ms of work and 270 of waiting, known or not."""
    for ask in (door.sign_in, door.sign_up, door.forget):
        for email in (ana.email, EMAIL):
            slept.clear()
            ask(browser(), email)
            assert slept == [pytest.approx(0.27)]
    client = signed_in(door, ana)
    slept.clear()
    door.change_email(client, EMAIL)
    assert slept == [pytest.approx(0.27)]


def test_who_asks_too_often_is_told_so_at_once(slept, settings):
    """Waiting would use up the server, and says nothing about accounts."""
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    waited = [pages.sign_in(browser(), EMAIL).status_code for _ in range(2)], len(slept)
    assert waited == ([200, 429], 1)


def test_pages_that_look_nobody_up_take_no_time(slept, client):
    for path in ("/sign-in", "/", f"{JSON}/config"):
        client.get(path)
    assert slept == []


@pytest.mark.parametrize("path", [*DOORS_OF_PAGES, *DOORS_OF_PROGRAMS])
def test_what_looks_nobody_up_takes_no_time(slept, path):
    """No limit counts a request without CSRF token, and an empty one says nothing: none of them holds a thread."""
    whole = {"login": EMAIL, "email": EMAIL, "password": NEW, "password1": NEW, "action_add": ""}
    program = {"content_type": "application/json"} if path in DOORS_OF_PROGRAMS else {}
    assert resolve(path).url_name
    assert browser(enforce_csrf_checks=True).post(path, whole, **program).status_code in (302, 401, 403)
    for body in ({}, {"email": "", "login": ""}, {"email": "nonsense", "login": "nonsense", "password": NEW}):
        browser().post(path, body, **program)
    browser().delete(path)
    assert slept == []


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("email", ["known@example.org", EMAIL])
def test_a_sign_up_hashes_once_whether_the_address_is_known(door, email, monkeypatch):
    """Under load the work itself shows, whatever the answer waits for."""
    make_user("known")
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda user, password: hashed.append(set_password(user, password)))
    door.sign_up(browser(), email)
    assert len(hashed) == 1
    hashed.clear()
    door.sign_up(browser(), email, "short")
    assert hashed == []


def test_codes_and_words_of_a_mismatch_are_stable():
    answer = programs.sign_in(browser(), EMAIL)
    assert (answer.status_code, codes(answer)) == (400, ["email_password_mismatch"])
    assert "do not match" in pages.sign_in(browser(), EMAIL).content.decode()
