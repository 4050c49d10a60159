"""How alike two sounds are."""

from pathlib import Path

import pytest

from apps.lib import fingerprint, media
from apps.lib.media import MediaError
from tests.lib.made import ffmpeg, make_file
from tests.make import make_audio


def heard(path: Path) -> bytes:
    return fingerprint.of(path, form=media.sniff(path))


@pytest.mark.parametrize("form", ["mp3", "flac"])
def test_one_recording_is_itself_whatever_it_was_compressed_with(tmp_path, form):
    one = heard(make_audio(tmp_path / "one", "wav", seconds=12))
    other = heard(make_audio(tmp_path / "other", form, seconds=12))
    assert fingerprint.likeness(one, other) > 0.95


def test_a_recording_that_begins_later_is_still_itself(tmp_path):
    whole, later = make_audio(tmp_path / "one.wav", "wav", seconds=20), tmp_path / "later.wav"
    ffmpeg("-ss", "1.7", "-i", str(whole), str(later))
    assert fingerprint.likeness(heard(whole), heard(later)) > 0.9


def test_two_pieces_in_one_key_and_tempo_are_two(tmp_path):
    one, other = (heard(make_audio(tmp_path / str(seed), "wav", seconds=12, seed=seed)) for seed in (1, 2))
    assert fingerprint.likeness(one, other) < 0.8


def test_of_what_is_too_short_nothing_is_said(tmp_path):
    short, long = (heard(make_audio(tmp_path / f"{s}", "wav", seconds=s)) for s in (2, 12))
    assert fingerprint.likeness(short, long) is None
    assert fingerprint.likeness(b"", b"") is None


def test_what_does_not_decode_has_no_fingerprint(tmp_path):
    with pytest.raises(MediaError):
        fingerprint.of(make_file(tmp_path, b"no sound at all" * 100), form=media.FORMATS["flac"])
