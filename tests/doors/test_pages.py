"""What holds for every web page: who gets it, that it works under the strict policy, that what it names exists."""

import re

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver

from apps.accounts.models import User
from apps.accounts.urls import urls as account_urls
from tests.make import PASSWORD, make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db

STATIC = re.compile(r'(?:src|href)="/static/([^"#]+)(?:#([^"]+))?"')
PEOPLE = ("anonymous", "ana", "bob", "mod", "boss")
SIGNED_IN = set(PEOPLE) - {"anonymous"}
# What a mistake looks like: an address and what is posted there.
MISTAKES = (
    ("/sign-in", {"login": "nobody@example.org", "password": "wrong"}),
    ("/sign-in", {"login": "nobody", "password": ""}),
    ("/sign-up", {"email": "nobody", "password1": "short", "profile_username": "!"}),
    ("/reset-password", {"email": "nobody"}),
    ("/account/confirm", {"password": "wrong"}),
    ("/account/email", {"email": "nobody", "action_add": ""}),
    ("/account/password", {"oldpassword": "wrong", "password1": "short", "password2": "other"}),
    ("/account/second-factor/on", {"code": "wrong"}),
    ("/account/confirm/code", {"code": "wrong"}),
)


@pytest.fixture
def person(request, as_):
    """A client signed in as the person named by the test's `who`."""
    who = request.node.callspec.params["who"]
    return as_(None if who == "anonymous" else request.getfixturevalue(who))


def signed_in(user: User) -> Client:
    """A client as its person's browser, which has just confirmed who sits there."""
    client = Client()
    client.force_login(user)
    client.post("/account/confirm", {"password": PASSWORD})
    return client


def add_second_factor(user: User) -> None:
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)


def account_paths() -> list[str]:
    """Every address of the accounts' that holds nothing variable, and one of each kind of link that leads nowhere."""
    plain = [str(entry.pattern) for entry in account_urls if not entry.pattern.converters]
    return [*(f"/{path}" for path in plain if "^" not in path), "/verify-email/none", "/reset-password/0-none"]


def shown(client: Client) -> list[HttpResponse]:
    """What a browser is shown at every such address, and for every mistake."""
    answers = [client.get(path) for path in account_paths()]
    answers += [client.post(path, form) for path, form in MISTAKES]
    return [a for a in answers if a.status_code == 200 and a["Content-Type"].startswith("text/html")]


_account_pages: list[HttpResponse] = []
_pages: list[str] = []


@pytest.fixture
def account_pages(ana, bob) -> list[HttpResponse]:
    """The pages of signing up, in and of one's account, for nobody, Ana, and Bob with a second factor; made once."""
    if not _account_pages:
        add_second_factor(bob)
        asked = Client()
        asked.post("/sign-in", {"login": bob.email, "password": PASSWORD})
        _account_pages.extend([*shown(Client()), *shown(signed_in(ana)), *shown(signed_in(bob))])
        _account_pages.append(asked.get("/sign-in/code"))
    return _account_pages


@pytest.fixture
def pages(as_, ana, account_pages) -> list[str]:
    """Every kind of page, as its visitor's browser gets it; made once."""
    if not _pages:
        tracks = [make_playable(ana, derived=True), make_playable(ana), make_generated(ana), make_track(ana)]
        paths = ["/", "/upload", "/nowhere", *(f"/tracks/{track.pk}" for track in tracks)]
        answers = [as_(who).get(path) for who in (None, ana) for path in paths]
        _pages.extend(answer.content.decode() for answer in answers if answer.content)
        _pages.extend(answer.content.decode() for answer in account_pages)
    return _pages


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", set(PEOPLE)),
        ("/upload", SIGNED_IN),
        *((path, {"anonymous"}) for path in ("/sign-in", "/sign-up")),
        *((path, set(PEOPLE)) for path in ("/reset-password", "/reset-password/sent", "/verify-email")),
        *((path, SIGNED_IN) for path in ("/account/email", "/account/password", "/account/second-factor", "/sign-out")),
    ],
)
def test_who_gets_which_page(person, who, path, allowed):
    assert person.get(path).status_code == (200 if who in allowed else 302)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize(
    ("is_public", "allowed"), [(True, set(PEOPLE)), (False, {"ana", "mod", "boss"})], ids=["public", "private"]
)
def test_a_track_page_and_the_api_open_for_the_same_people(person, ana, who, is_public, allowed):
    track = make_track(ana, is_public=is_public)
    expected = 200 if who in allowed else 404
    assert person.get(f"/tracks/{track.pk}").status_code == expected
    assert person.get(f"/api/v1/tracks/{track.pk}").status_code == expected


@pytest.mark.parametrize(("who", "there"), [("anonymous", False), ("ana", False), ("mod", True), ("boss", True)])
def test_the_way_to_the_admin_is_shown_to_staff_only(person, who, there):
    assert (b'href="/admin/"' in person.get("/").content) is there


def test_every_address_that_the_library_serves_is_among_these_pages(account_pages):
    """But for what only leads on: to a file, and to a first password, which all of these have."""
    seen = {answer.resolver_match.url_name for answer in account_pages}
    found = {str(get_resolver().resolve(path).url_name) for path in account_paths()}
    theirs = {name for name in found if name.startswith(("account_", "mfa_"))}
    assert theirs - seen == {"mfa_download_recovery_codes", "account_set_password"}


def test_no_page_is_the_librarys(account_pages):
    """All of allauth's are ours: a page of its own would look foreign, and load scripts that the policy forbids."""
    ours = str(settings.ROOT / "templates")
    used = {t.origin.name for answer in account_pages for t in answer.templates if t.origin}
    assert {name for name in used if "allauth" in name} == set()
    assert any(name.startswith(ours) for name in used)


def test_every_page_is_served_under_the_strict_policy(client):
    for path in ("/", "/sign-in", "/nowhere"):
        policy = client.get(path)["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "style-src 'self'" in policy


def test_pages_hold_nothing_inline(pages):
    for page in pages:
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


def test_pages_name_no_other_site(pages):
    for page in pages:
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)


def test_every_static_file_that_a_page_names_exists_with_its_part(pages):
    named = {match for page in pages for match in STATIC.findall(page)}
    assert len(named) > 8
    for path, part in named:
        found = finders.find(path)
        assert found, path
        with open(found) as file:
            assert f'id="{part}"' in file.read() or not part


def test_every_input_has_a_label(pages):
    for page in pages:
        for tag in re.findall(r"<(?:input|select|textarea)[^>]*>", page):
            name = re.search(r'\sid="([^"]+)"', tag)
            assert (
                'type="hidden"' in tag or "aria-label=" in tag or 'role="switch"' in tag or f'for="{name[1]}"' in page
            )


def test_what_describes_an_input_is_there_and_ids_are_unique(pages):
    """An error that no input points to is not read out with it."""
    for page in pages:
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert {name for said in re.findall(r'aria-describedby="([^"]+)"', page) for name in said.split()} <= set(ids)
        assert page.count("aria-invalid") <= page.count("_error")


def test_every_page_has_one_heading_and_a_title_of_its_own(pages):
    for page in pages:
        assert len(re.findall(r"<h1[\s>]", page)) == 1
        assert re.search(r"<title>\S.* · Keeptrack</title>", page) or "Newest tracks" in page


def test_styles_and_scripts_reach_for_nothing_outside():
    for path in ("css/site.css", "js/waveform.js", "js/player.js", "js/upload.js", "js/tus.js", "js/copy.js"):
        with open(settings.ROOT / "static" / path) as file:
            text = file.read().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|\beval\b|innerHTML", text)
