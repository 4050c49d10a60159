import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest

from apps.catalog import files
from apps.catalog.models import Blob, Track, TrackFile
from apps.catalog.templatetags import track_words as words
from apps.lib import storage
from apps.lib.formats import FORMATS
from tests.make import make_generated, make_playable, make_track, make_user


def seen_by(user, track: Track) -> Track:
    """The track as a page gets it."""
    return Track.objects.visible_to(user).with_playable(user).with_page().get(pk=track.pk)


def archive_cover(track: Track) -> None:
    files.attach(track=track, role="cover", blob=files.blob_for(storage.put_bytes(b"cover"), FORMATS["jpeg"]))


@pytest.mark.parametrize(
    ("duration_ms", "shown"),
    [(None, ""), (400, "0:00"), (59_600, "1:00"), (187_000, "3:07"), (3_765_000, "1:02:45")],
)
def test_a_duration_is_shown_as_on_a_clock(duration_ms, shown):
    assert words.clock(duration_ms) == shown


def test_seconds_have_a_point_and_no_words():
    assert (words.seconds(1500), words.seconds(0), words.seconds(None)) == ("1.500", "0.000", "")


def test_cover_art_stays_with_the_track_and_differs_between_tracks():
    shown = {words.art(Track(pk=UUID(int=number))) for number in range(200)}
    assert words.art(Track(pk=UUID(int=7))) == words.art(Track(pk=UUID(int=7)))
    assert len(shown) == words.HUES * words.SHAPES


def test_a_key_is_written_as_far_as_it_is_known():
    assert words.key_words(Track(pitch_class=1, mode="minor")) == "C# minor"
    assert words.key_words(Track(pitch_class=9)) == "A"
    assert words.key_words(Track(mode="minor")) == ""
    assert words.camelot(Track(pitch_class=9, mode="minor")) == "8A"


def test_a_format_is_written_as_far_as_it_is_known():
    blob = Blob(extension="mp3", size=10)
    full = TrackFile(blob=blob, sample_rate=44_100, channels=2, bit_rate=191_800)
    assert words.sound_words(full) == "MP3, 44.1 kHz, stereo, 192 kb/s"
    assert words.sound_words(TrackFile(blob=blob)) == "MP3"


def test_savings_are_said_only_of_a_compressed_copy():
    copy = TrackFile(
        blob=Blob(size=1_000_000), original_file_size=4_000_000, compression_applied=True,
        compression_ratio=Decimal(4),
    )  # fmt: skip
    assert words.savings_words(copy).replace("\xa0", " ") == "75 % smaller: 1 MB instead of 4 MB"
    assert words.savings_words(TrackFile(blob=Blob(size=10))) == ""


@pytest.mark.django_db
def test_who_may_have_the_full_file_hears_it_and_others_hear_the_preview_where_it_lies():
    track = make_playable(make_user(), derived=True, is_pro_only=True)
    full, part = (
        words.sound(seen_by(make_user(plan="pro"), track)),
        words.sound(seen_by(make_user(), track)),
    )
    assert (full["part"], full["start"], full["end"]) == ("full", 0, track.duration_ms)
    assert full["url"].endswith("/stream")
    assert part["part"] == "preview"
    assert part["url"].endswith("/preview")
    assert 0 <= part["start"] < part["end"] <= track.duration_ms


@pytest.mark.parametrize(
    ("whole", "length", "starts", "place"),
    [
        (90_000, 30_000, 41_000, (41_000, 71_000)), (90_000, 30_040, 60_000, (60_000, 90_000)),
        (90_000, 30_000, None, (30_000, 60_000)), (40_000, 30_000, None, (10_000, 40_000)),
        (20_000, 20_030, 0, (0, 20_000)), (None, 30_000, None, (0, 30_000)), (None, 30_000, 5000, (5000, 35_000)),
        (90_000, None, None, (0, None)), (90_000, None, 5000, (5000, None)), (None, None, None, (0, None)),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_a_preview_lies_where_it_was_cut_as_far_as_that_is_known(as_, whole, length, starts, place):
    """Also on the pages: what a file does not say of itself breaks none."""
    track = make_track(make_user(), is_pro_only=True, duration_ms=whole)
    blob = files.blob_for(storage.put_bytes(b"clip"), FORMATS["mp3"])
    files.attach(track=track, role="preview", blob=blob, duration_ms=length, starts_ms=starts)
    heard = words.sound(seen_by(make_user(), track))
    assert (heard["part"], heard["start"], heard["end"]) == ("preview", *place)
    for page in ("/", f"/tracks/{track.pk}"):
        assert f'data-start="{words.seconds(place[0])}"' in as_(None).get(page).content.decode()


@pytest.mark.django_db
def test_a_track_without_bytes_has_no_sound():
    owner = make_user()
    assert words.sound(seen_by(owner, make_track(owner))) == {}


@pytest.mark.django_db
def test_a_generated_track_sounds_as_long_as_its_provider_keeps_it():
    owner = make_user()
    track = seen_by(owner, make_generated(owner))
    expiry = track.source.expires_at
    assert words.sound(track, now=expiry - dt.timedelta(seconds=1))["part"] == "full"
    assert words.sound(track, now=expiry) == {}


@pytest.mark.django_db
def test_the_archive_is_put_into_words_from_waiting_over_partly_to_kept():
    owner = make_user()
    track = make_generated(owner, cover_url="https://cdn2.suno.ai/image_1.jpeg")
    early = track.source.generated_at
    waiting = words.archive_state(seen_by(owner, track), now=early)
    archive_cover(track)
    partly = words.archive_state(seen_by(owner, track), now=early)
    files.attach(track=track, role="original", blob=files.blob_for(storage.put_bytes(b"sound"), FORMATS["mp3"]))
    kept = words.archive_state(seen_by(owner, track), now=early)
    assert [waiting["state"], partly["state"], kept["state"]] == ["waiting", "waiting", "kept"]
    assert "until" in waiting["words"]
    assert "except for its audio" in partly["words"]
    assert "until" not in kept["words"]


@pytest.mark.django_db
def test_what_was_not_archived_in_time_is_called_lost_by_name():
    owner = make_user()
    track = make_generated(owner, cover_url="https://cdn2.suno.ai/image_2.jpeg")
    archive_cover(track)
    late = track.source.expires_at
    assert words.archive_state(seen_by(owner, track), now=late) == {
        "state": "lost",
        "words": "Deleted by the provider before it was archived: audio",
    }
