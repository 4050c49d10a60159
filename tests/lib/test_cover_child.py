"""The picture that a sound file carries, taken out by the limited child (D1, D2)."""

import sys
from pathlib import Path

import pytest

from apps.lib import media, sandbox
from tests.lib.made import make_bytes, make_file, make_tag_bomb
from tests.make import audio, tagged

MOST = 1_000_000


def taken(folder: Path, body: bytes, most: int = MOST) -> bytes | None:
    path, target = make_file(folder, body), folder / "picture"
    there = media.cover(path, target, source_format=media.sniff(path), most=most)
    return target.read_bytes() if there else None


@pytest.mark.parametrize("form", ["mp3", "wav", "flac"])
def test_the_cover_is_taken_out_as_it_is(tmp_path, form):
    picture = make_bytes("png")
    assert taken(tmp_path, tagged(audio(form), form, cover=picture)) == picture


@pytest.mark.parametrize("form", ["mp3", "wav", "flac"])
def test_a_file_without_a_picture_has_none(tmp_path, form):
    assert taken(tmp_path, audio(form)) is None


def test_a_picture_over_the_limit_is_left_where_it_is(tmp_path):
    assert taken(tmp_path, tagged(audio("mp3"), cover=b"\0" * 300_000), most=200_000) is None


def test_a_tag_that_inflates_is_no_picture(tmp_path):
    assert taken(tmp_path, make_tag_bomb() + audio("mp3")) is None


def test_a_child_that_dies_leaves_no_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(media, "READ_TAGS", sandbox.Limits(memory=8 * sandbox.MIB, cpu=5, wall=15))
    assert taken(tmp_path, tagged(audio("mp3"), cover=make_bytes("png"))) is None


@pytest.mark.parametrize("at", range(0, 120, 13))
def test_damaged_tags_end_the_child_in_peace(tmp_path, at):
    whole = tagged(audio("flac"), "flac", cover=make_bytes("png"))
    path = make_file(tmp_path, whole[:at] + b"\xff\xff" + whole[at + 2 :])
    argv = [sys.executable, "-I", "-B", media.COVER_CHILD, "flac", str(path)]
    assert sandbox.run(argv, limits=media.READ_TAGS).stderr == b""
