import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import avatars, profiles
from apps.accounts.models import User
from apps.catalog import actions, parts
from apps.catalog.models import Track
from apps.catalog.views import PER_PAGE
from tests.accounts.test_avatars import picture
from tests.make import make_generated, make_playable, make_track, make_user

pytestmark = pytest.mark.django_db


def titles(response) -> list[str]:
    return [track.title for track in response.context["page"]]


def page_of(track: Track) -> str:
    return f"/tracks/{track.pk}"


def queries(client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def test_the_front_page_shows_public_tracks_newest_first(client, ana):
    for title in ("First", "Second", "Third"):
        make_track(ana, title=title)
    assert titles(client.get("/")) == ["Third", "Second", "First"]


def test_the_front_page_shows_everyone_the_same_public_tracks(as_, ana, boss):
    make_track(ana, title="Public")
    make_track(ana, title="Private", is_public=False)
    actions.create(owner=ana, kind="uploaded", title="Not ready")
    actions.remove(track=make_track(ana, title="Removed"), by=ana)
    for person in (None, ana, boss):
        assert titles(as_(person).get("/")) == ["Public"]


def test_the_front_page_is_cut_into_pages_that_lead_on(client, ana):
    for number in range(PER_PAGE + 1):
        make_track(ana, title=f"Track {number}")
    first, second = client.get("/"), client.get("/?page=2")
    assert (len(titles(first)), titles(second)) == (PER_PAGE, ["Track 0"])
    assert b'rel="next" href="?page=2"' in first.content
    assert b'rel="prev" href="?page=1"' in second.content
    assert b'rel="next"' not in second.content


@pytest.mark.parametrize("page", ["0", "99", "x", "-1", "", "9" * 5000])
def test_a_page_that_does_not_exist_leads_to_one_that_does(client, ana, page):
    make_track(ana)
    assert titles(client.get("/", {"page": page})) == ["Night Train"]


def test_an_empty_house_says_how_to_begin(client):
    assert b"Nothing is public yet" in client.get("/").content


@pytest.mark.parametrize("signed_in", [False, True])
def test_the_front_page_costs_the_same_queries_for_one_track_and_for_twenty(as_, ana, signed_in):
    client = as_(make_user() if signed_in else None)
    make_playable(ana, derived=True)
    few = queries(client, "/")
    make_playable(make_user(), derived=True, genre="Folk", tempo=96)
    for _ in range(9):
        make_playable(make_user())
        make_generated(make_user())
    assert queries(client, "/") == few


def test_a_track_that_plays_offers_its_stream_and_its_outline(client, ana):
    track = make_playable(ana, derived=True)
    shown = client.get(page_of(track)).content.decode()
    assert f'data-src="/api/v1{page_of(track)}/stream"' in shown
    assert f'data-wave="/api/v1{page_of(track)}/waveform"' in shown


def test_a_track_without_outline_plays_and_says_so(client, ana):
    shown = client.get(page_of(make_playable(ana))).content.decode()
    assert "data-src" in shown
    assert "data-wave" not in shown
    assert "The waveform is not drawn yet." in shown


def test_the_addresses_on_a_page_answer(client, ana):
    track = make_playable(ana, derived=True)
    shown = client.get(page_of(track)).content.decode()
    for attribute in ("src", "wave"):
        address = re.search(rf'data-{attribute}="([^"]+)"', shown)[1]
        answer = client.get(address)
        assert answer.status_code == 200
        assert b"".join(answer)


def test_a_pro_only_track_gives_others_the_preview_and_says_so(as_, ana):
    track = make_playable(ana, derived=True, is_pro_only=True)
    for person in (None, make_user()):
        shown = as_(person).get(page_of(track)).content.decode()
        assert "/preview" in shown
        assert "/stream" not in shown
        assert "The full track is for pro members." in shown
    for person in (ana, make_user(plan="pro")):
        shown = as_(person).get(page_of(track)).content.decode()
        assert "/stream" in shown
        assert "for pro members" not in shown


def test_a_private_track_is_there_for_its_owner_and_staff_only(as_, ana, bob, mod):
    track = make_track(ana, is_public=False)
    status = {person: as_(person).get(page_of(track)).status_code for person in (None, ana, bob, mod)}
    assert status == {None: 404, ana: 200, bob: 404, mod: 200}
    assert b"Private: only you and staff" in as_(ana).get(page_of(track)).content
    assert b"Private: only its owner and staff" in as_(mod).get(page_of(track)).content


def test_a_removed_track_leaves_a_note_for_staff_only(as_, ana, mod):
    track = make_playable(ana)
    actions.remove(track=track, by=ana)
    assert as_(ana).get(page_of(track)).status_code == 404
    assert b"Only staff see this page" in as_(mod).get(page_of(track)).content


def test_a_track_shows_its_facts(client, ana):
    track = make_playable(
        ana, derived=True, genre="Folk", subgenre="Chamber", tempo="96.50", pitch_class=9, mode="minor",
        mood=["calm"], tags=["night"], description="One.\n\nTwo.",
    )  # fmt: skip
    shown = client.get(page_of(track)).content.decode()
    for fact in (
        "Folk, Chamber",
        "96.5 BPM",
        "A minor",
        ">8A<",
        "0:02",
        "MP3, 44.1 kHz",
        "% smaller",
        "calm",
        "#night",
    ):
        assert fact in shown
    assert "<p>One.</p>" in shown


def test_a_generated_track_names_its_provider_and_the_state_of_its_archive(client, ana):
    shown = client.get(page_of(make_generated(ana))).content.decode()
    assert "Suno" in shown
    assert "Not archived yet" in shown


def test_words_of_a_track_are_never_markup(client, ana):
    make_track(ana, title="<b>Bold</b>", artist='"><script>', description="<script>x</script>")
    for path in ("/", page_of(Track.objects.get())):
        shown = client.get(path).content.decode()
        assert "<b>Bold" not in shown
        assert "<script>" not in shown


@pytest.mark.parametrize("path", ["/", "/tracks/00000000-0000-7000-8000-000000000000"])
def test_pages_are_read_only(client, path):
    assert client.post(path).status_code == 405


# --- People -------------------------------------------------------------------------------------------------------
def test_a_persons_page_shows_who_they_are_and_what_one_may_hear(as_, ana, bob, mod):
    """S4-11."""
    profiles.edit(user=ana, display_name="Ana B.", first_name="Hidden", bio="Loops.\n\n<b>Tapes.</b>")
    make_track(ana, title="Shown")
    make_track(ana, title="Secret", is_public=False)
    make_track(bob, title="Of Bob")
    actions.remove(track=make_track(ana, title="Gone"), by=ana)
    for person, count in ((None, "1 track"), (bob, "1 track"), (ana, "2 tracks"), (mod, "2 tracks")):
        page = as_(person).get("/people/ana").content.decode().partition("<main")[2]
        assert "Ana B." in page and "@ana" in page and "<p>Loops.</p>" in page and "&lt;b&gt;Tapes." in page
        assert "Shown" in page and ("Secret" in page) is (count == "2 tracks") and f"<span>{count}</span>" in page
        assert not re.search("Hidden|Of Bob|Gone|example.org", page)


def test_a_persons_page_has_one_address_whatever_the_case(client, ana):
    answer = client.get("/people/ANA")
    assert (answer.status_code, answer["Location"]) == (302, "/people/ana")
    assert client.get("/people/ana").status_code == 200


def test_who_is_switched_off_or_unknown_has_no_page(as_, ana, mod):
    make_track(ana)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    for person in (None, mod):
        assert as_(person).get("/people/ana").status_code == as_(person).get("/people/nobody").status_code == 404
    assert b"/people/ana" not in as_(None).get("/").content


def test_a_long_list_of_a_persons_tracks_has_pages(client, ana):
    for number in range(PER_PAGE + 1):
        make_track(ana, title=f"Number {number:02}")
    first, second = (client.get(f"/people/ana?page={number}").content.decode() for number in (1, 2))
    assert "Page 1 of 2" in first and "Number 00" not in first and "Number 00" in second


def test_a_track_leads_to_its_owners_page(client, ana):
    plain, credited = make_track(ana), make_track(ana, artist="The Band")
    link = '<a href="/people/ana">ana</a>'
    assert link in client.get(page_of(plain)).content.decode()
    assert f"Added by {link}" in client.get(page_of(credited)).content.decode()
    assert client.get("/").content.decode().count(link) == 1


def test_a_page_of_people_with_pictures_asks_no_more_than_without(client, ana, bob, django_assert_num_queries):
    make_track(ana)
    count = queries(client, "/")
    avatars.put(user=ana, content=picture())
    avatars.put(user=bob, content=picture("blue"))
    make_track(bob)
    with django_assert_num_queries(count) as asked:
        client.get("/")
    assert not any('"image"' in query["sql"] for query in asked.captured_queries)


def test_a_merged_track_leads_to_the_one_it_went_into_where_that_is_visible(as_, ana, bob, mod):
    kept, gone = make_track(ana), make_track(ana)
    Track.machine.move(gone, "merged", merged_into=kept, removed_at=timezone.now())
    for person in (None, bob, ana, mod):
        answer = as_(person).get(page_of(gone))
        assert (answer.status_code, answer.url) == (302, page_of(kept))
    Track.objects.filter(pk=kept.pk).update(is_public=False)
    assert [as_(person).get(page_of(gone)).status_code for person in (None, bob, ana)] == [404, 404, 302]


def test_a_tracks_page_says_who_plays_what_and_how_it_is_built_but_nobodys_contacts(client, ana):
    """S4-16; contacts are for the owner's and staff's tools."""
    track = make_track(ana, duration_ms=60_000)
    parts.add(track=track, kind="sections", by=ana, name="Bridge", start_ms=5_000, end_ms=9_000)
    parts.add(track=track, kind="instruments", by=ana, category="brass", type="flugelhorn")
    contact = {"contact_email": "juno@example.org", "contact_phone": "+1-555-0100"}
    parts.add(track=track, kind="credits", by=ana, name="Juno Producer", role="producer", **contact)
    page = client.get(f"/tracks/{track.pk}").content.decode()
    assert all(words in page for words in ("Bridge", "0:05", "flugelhorn", "Juno Producer", "producer"))
    assert "juno@example.org" not in page and "555-0100" not in page
