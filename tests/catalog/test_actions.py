"""What can be done with tracks."""

import threading

import pytest
from django.db import connection

from apps.catalog import actions
from apps.catalog.models import ProviderSource, Track
from apps.lib.errors import Conflict, NotFound, Refusal
from tests.make import make_generated, make_playable, make_providers, make_track


@pytest.mark.parametrize("title", ["", "  ", "x" * 256, "\n\t"])
def test_a_title_is_one_to_255_characters(title):
    """S0-06."""
    with pytest.raises(Refusal) as refused:
        actions.clean_title(title)
    assert refused.value.code == "INVALID" and "title" in refused.value.fields


def test_a_title_is_kept_raw_but_trimmed():
    """Text is stored as written and escaped at output."""
    assert actions.clean_title("  <b>Høst & vår</b> ") == "<b>Høst & vår</b>"


@pytest.mark.django_db
def test_a_tombstone_forgets_words_and_urls_and_cannot_be_removed_twice(ana):
    """C-07."""
    track = make_generated(ana, artist="Ana", description="secret", mood=["calm"])
    actions.remove(track=track, by=ana)
    row = Track.objects.get(pk=track.pk)
    assert (row.title, row.artist, row.description, row.mood) == ("", "", "", [])
    assert ProviderSource.objects.get(track=track).urls() == {}
    with pytest.raises(Conflict):
        actions.remove(track=row, by=ana)


@pytest.mark.django_db
def test_a_generation_that_was_removed_can_be_registered_anew(as_, ana):
    make_providers()
    body = {"provider": "suno", "provider_track_id": "c1", "title": "One", "audio_url": "https://cdn1.suno.ai/1.mp3"}
    first = as_(ana).post("/api/v1/tracks", body, format="json").json()["id"]
    assert as_(ana).delete(f"/api/v1/tracks/{first}").status_code == 204
    again = as_(ana).post("/api/v1/tracks", body, format="json")
    assert again.status_code == 201 and again.json()["id"] != first


@pytest.mark.django_db
def test_no_word_is_written_on_a_tombstone(ana):
    track = make_track(ana)
    stale = Track.objects.get(pk=track.pk)
    actions.remove(track=track, by=ana)
    with pytest.raises(NotFound):
        actions.edit(track=stale, by=ana, title="My private words", is_public=True)
    row = Track.objects.get(pk=track.pk)
    assert (row.title, row.is_public) == ("", False)


@pytest.mark.django_db
def test_an_edit_is_checked_in_full_before_anything_is_written(ana):
    track = make_track(ana)
    with pytest.raises(Exception, match="tempo|400"):
        actions.edit(track=track, by=ana, title="Better", tempo=5000)
    assert Track.objects.get(pk=track.pk).title == "Night Train"


@pytest.mark.django_db(transaction=True)
def test_the_same_generation_said_twenty_times_at_once_is_one_track(ana):
    """Rule 7: the unique key decides, whoever is first."""
    make_providers()
    keys = []

    def register() -> None:
        track, _ = actions.register_generated(
            owner=ana, provider="suno", provider_track_id="one", title="One", audio_url="https://cdn1.suno.ai/1.mp3"
        )
        keys.append(track.pk)
        connection.close()

    threads = [threading.Thread(target=register) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 20 and len(set(keys)) == 1 and Track.objects.count() == 1


@pytest.mark.django_db
def test_many_are_removed_as_one_is(ana, bob):
    one, another, source = make_playable(ana), make_playable(bob), make_generated(ana)
    gone = make_track(ana)
    actions.remove(track=gone, by=ana)
    before = Track.objects.get(pk=gone.pk).removed_at
    assert actions.remove_all(tracks=Track.objects.of(ana), by=ana) == 2
    for track in (one, source):
        row = Track.objects.get(pk=track.pk)
        assert (row.status, row.title, row.is_public, row.files.count()) == ("removed", "", False, 0)
    assert Track.objects.get(pk=source.pk).source.provider_track_id == f"removed {source.pk}"
    assert Track.objects.get(pk=gone.pk).removed_at == before
    assert Track.objects.get(pk=another.pk).file("original")
