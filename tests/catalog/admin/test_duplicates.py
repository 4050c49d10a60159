"""The duplicates desk."""

import re

import pytest
from django.urls import reverse

from apps.catalog import actions, changesets, merging
from apps.catalog.models import Changeset, Credit, Duplicate, Track
from tests.doors.world import make_pair, make_with_files
from tests.make import make_track

pytestmark = pytest.mark.django_db
LIST = "/admin/catalog/duplicate/"


def page(pair: Duplicate, name: str = "change") -> str:
    return reverse(f"admin:catalog_duplicate_{name}", args=[pair.pk])


@pytest.fixture
def desk(client, mod):
    client.force_login(mod)
    return client


def test_the_list_opens_on_open_pairs_the_likest_first(ana, desk):
    for likeness, state in (("0.7", None), ("0.9", None), ("0.99", "dismissed")):
        pair = make_pair(ana)
        Duplicate.objects.filter(pk=pair.pk).update(likeness=likeness)
        if state:
            Duplicate.machine.move(pair, state)
    shown = desk.get(LIST).context["cl"].result_list
    assert [str(pair.likeness) for pair in shown] == ["0.900", "0.700"]
    assert desk.get(LIST, {"reason": "bytes"}).context["cl"].result_count == 0


def test_a_page_shows_both_with_what_differs_and_the_better_one_proposed(ana, desk):
    pair = make_pair(ana)
    Track.objects.filter(pk=pair.first_id).update(genre="House", isrc="USABC2400001")
    Track.objects.filter(pk=pair.second_id).update(genre="House", play_count=9)
    text = desk.get(page(pair)).content.decode()
    stays = f'name="keep" value="{pair.second_id}" checked'
    assert stays in text  # more people heard it
    assert f'name="fact-isrc" value="{pair.first_id}" checked' in text  # filled over empty
    assert 'name="fact-genre"' not in text and "House" in text


def test_both_can_be_heard(ana, desk):
    first, second = (make_with_files(ana) for _ in range(2))
    pair = Duplicate.objects.create(first=first, second=second, reasons=["bytes"], likeness=1)
    text = desk.get(page(pair)).content.decode()
    for track in (first, second):
        assert reverse("track-stream", args=[track.pk]) in text and reverse("track-waveform", args=[track.pk]) in text


def test_what_is_sent_is_asked_for_and_its_preview_comes_next(ana, desk, mod):
    pair = make_pair(ana)
    form = {"keep": str(pair.first_id), "fact-genre": str(pair.second_id), "fact-title": str(pair.first_id)}
    answer = desk.post(page(pair, "merge"), form)
    changeset = Changeset.objects.get()
    assert answer.url == reverse("admin:catalog_changeset_change", args=[changeset.pk])
    assert changeset.order["facts"] == ["genre"] and changeset.made_by == mod


@pytest.mark.parametrize("form", [{}, {"keep": "x"}, {"keep": "00000000-0000-7000-8000-000000000000"}])
def test_a_form_that_names_neither_is_refused(ana, desk, form):
    pair = make_pair(ana)
    said = desk.post(page(pair, "merge"), form, follow=True)
    assert "Name one of the two tracks" in said.content.decode() and not Changeset.objects.exists()


def test_a_pair_is_dismissed_and_opened_again(ana, desk, mod):
    pair = make_pair(ana)
    desk.post(page(pair, "not_duplicates"))
    pair.refresh_from_db()
    assert (pair.state, pair.settled_by) == ("dismissed", mod)
    desk.post(page(pair, "open_again"))
    pair.refresh_from_db()
    assert pair.state == "open"


def test_a_pair_whose_track_was_removed_says_so_and_offers_no_merge(ana, desk):
    pair = make_pair(ana)
    actions.remove(track=pair.first, by=ana)
    text = desk.get(page(pair)).content.decode()
    assert "Both tracks must be ready." in text and 'name="keep"' not in text


def test_parts_are_told_in_words(ana, desk):
    pair = make_pair(ana)
    Credit.objects.create(track=pair.first, name="Ana Owl", role="composer", split=50)
    text = desk.get(page(pair)).content.decode()
    assert "Ana Owl, composer 50.00 %" in text
    assert f'name="fact-credits" value="{pair.first_id}" checked' in text


def test_the_preview_names_tracks_people_and_times_instead_of_their_keys(ana, desk, mod):
    before, pair = make_track(ana, title="Merged before"), make_pair(ana)
    Track.machine.move(before, "merged", removed_at=before.created_at, merged_into=pair.second)
    Track.objects.filter(pk=pair.first_id).update(title="Stays")
    Track.objects.filter(pk=pair.second_id).update(title="Goes")
    changeset = merging.ask(pair=pair, keep=pair.first_id, facts=[], by=mod)
    changesets.work(seconds=10)
    shown = desk.get(reverse("admin:catalog_changeset_change", args=[changeset.pk]))
    preview = shown.content.decode().partition('<table class="preview">')[2].partition("</table>")[0]
    told = re.sub(r'(href|datetime)="[^"]*"', "", preview)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|\d\d:\d\d:\d\d|\dT\d", told)
    for words in (
        "<ins>Stays</ins>",
        "<del>Goes</del>",
        f"<ins>{mod.profile.username}</ins>",
        "Merged before",
        " UTC</ins>",
    ):
        assert words in told, words
