"""What holds for every web page: who gets it, that it works under the strict policy, that what it names exists."""

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from tests.make import make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db

STATIC = re.compile(r'(?:src|href)="/static/([^"#]+)(?:#([^"]+))?"')
PEOPLE = ("anonymous", "ana", "bob", "mod", "boss")


@pytest.fixture
def person(request, as_):
    """A client signed in as the person named by the test's `who`."""
    who = request.node.callspec.params["who"]
    return as_(None if who == "anonymous" else request.getfixturevalue(who))


@pytest.fixture
def pages(as_, ana) -> list[str]:
    """Every kind of page, as its visitor's browser gets it."""
    tracks = [make_playable(ana, derived=True), make_playable(ana), make_generated(ana), make_track(ana, title="Mute")]
    paths = ["/", "/sign-in", "/upload", "/nowhere", *(f"/tracks/{track.pk}" for track in tracks)]
    return [as_(who).get(path).content.decode() for who in (None, ana) for path in paths]


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/", set(PEOPLE)), ("/sign-in", set(PEOPLE)), ("/upload", set(PEOPLE) - {"anonymous"})],
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
        for tag in re.findall(r"<input[^>]*>", page):
            name = re.search(r'\sid="([^"]+)"', tag)
            assert (
                'type="hidden"' in tag or "aria-label=" in tag or 'role="switch"' in tag or f'for="{name[1]}"' in page
            )


def test_styles_and_scripts_reach_for_nothing_outside():
    for path in ("css/site.css", "js/waveform.js", "js/player.js", "js/upload.js"):
        with open(settings.ROOT / "static" / path) as file:
            text = file.read().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|\beval\b|innerHTML", text)
