"""The picture that a sound file carries, taken out by the limited child (D1, D2)."""

import base64
import sys
from pathlib import Path

import mutagen
import pytest
from mutagen.flac import Picture
from mutagen.id3 import APIC, ID3
from mutagen.mp4 import MP4Cover

from apps.lib import media, sandbox
from apps.lib.errors import Refusal
from tests.lib.made import make_bytes, make_file, make_tag_bomb
from tests.make import audio, tagged

MOST = 1_000_000


def taken(folder: Path, body: bytes, most: int = MOST, admit: frozenset[str] = media.UPLOAD_FORMATS) -> bytes | None:
    path, target = make_file(folder, body), folder / "picture"
    media.probe(path, admit=admit, cover=target, most=most)
    return target.read_bytes() if target.exists() else None


@pytest.mark.parametrize("form", ["mp3", "wav", "flac"])
def test_the_cover_is_taken_out_as_it_is(tmp_path, form):
    picture = make_bytes("png")
    assert taken(tmp_path, tagged(audio(form), form, cover=picture)) == picture


@pytest.mark.parametrize("form", ["m4a", "ogg"])
def test_the_cover_is_taken_out_of_formats_that_may_be_admitted_too(tmp_path, form):
    path, picture = make_file(tmp_path, form), make_bytes("png")
    sound = mutagen.File(path)
    if form == "m4a":
        sound["covr"] = [MP4Cover(picture, MP4Cover.FORMAT_PNG)]
    else:
        block = Picture()
        block.type, block.mime, block.data = 3, "image/png", picture
        sound["metadata_block_picture"] = [base64.b64encode(block.write()).decode()]
    sound.save()
    assert taken(tmp_path, path.read_bytes(), admit=media.AUDIO_FORMATS) == picture


def test_the_front_cover_is_preferred(tmp_path):
    path = make_file(tmp_path, "mp3")
    tags = ID3()
    for kind, desc in ((4, "back"), (3, "front"), (0, "other")):
        tags.add(APIC(encoding=3, mime="image/png", type=kind, desc=desc, data=desc.encode()))
    tags.save(path)
    assert taken(tmp_path, path.read_bytes()) == b"front"


@pytest.mark.parametrize("form", ["mp3", "wav", "flac"])
def test_a_file_without_a_picture_has_none(tmp_path, form):
    assert taken(tmp_path, audio(form)) is None


@pytest.mark.parametrize("size", [300_000, 3_000_000], ids=["over the limit", "over what the child may say"])
def test_a_picture_that_is_not_taken_leaves_the_words(tmp_path, size):
    path = make_file(tmp_path, tagged(audio("mp3"), cover=bytes(size), TIT2="Tide"))
    assert media.probe(path, cover=tmp_path / "picture", most=200_000).tags == {"title": "Tide"}
    assert not (tmp_path / "picture").exists()


def test_a_tag_that_inflates_is_no_picture(tmp_path):
    assert taken(tmp_path, make_tag_bomb() + audio("mp3")) is None


def test_a_child_that_dies_leaves_no_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(media, "READ_TAGS", sandbox.Limits(open_files=3))
    assert taken(tmp_path, tagged(audio("mp3"), cover=make_bytes("png"))) is None


def test_tags_that_nobody_had_the_time_to_read_are_not_none(tmp_path, monkeypatch):
    monkeypatch.setattr(media, "READ_TAGS", sandbox.Limits(wall=0.001))
    with pytest.raises(Refusal, match="too busy"):
        taken(tmp_path, tagged(audio("mp3"), cover=make_bytes("png")))


@pytest.mark.parametrize("at", range(0, 120, 13))
def test_damaged_tags_end_the_child_in_peace(tmp_path, at):
    whole = tagged(audio("flac"), "flac", cover=make_bytes("png"))
    path = make_file(tmp_path, whole[:at] + b"\xff\xff" + whole[at + 2 :])
    argv = [sys.executable, "-I", "-B", media.PROBE_CHILD, "flac", "0", str(path), "cover"]
    assert sandbox.run(argv, limits=media.READ_TAGS).stderr == b""
