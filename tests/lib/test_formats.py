"""What the first bytes say, before anything is decoded."""

import pytest

from apps.lib.formats import (
    AUDIO_FORMATS,
    FORMATS,
    IMAGE_FORMATS,
    UPLOAD_FORMATS,
    VIDEO_FORMATS,
    in_words,
    sniff,
    sound_start,
)
from tests.lib.made import NOT_MEDIA, make_bytes, make_file, make_id3


def make_frames(header: bytes, length: int, count: int = 2) -> bytes:
    return (header + bytes(length - len(header))) * count


def test_every_format_is_of_one_kind():
    assert {"mp3", "wav", "flac"} == UPLOAD_FORMATS < AUDIO_FORMATS
    assert sorted([*AUDIO_FORMATS, *IMAGE_FORMATS, *VIDEO_FORMATS]) == sorted(FORMATS)
    assert all(form.mime.split("/")[0] == form.kind for form in FORMATS.values())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("label", ["song.mp3", "page.html", "no extension"])
def test_the_content_decides_and_not_the_name(tmp_path, name, label):
    assert sniff(make_file(tmp_path, name, label)) is FORMATS[name]


@pytest.mark.parametrize("body", NOT_MEDIA.values(), ids=NOT_MEDIA)
def test_what_is_no_media_has_no_format(tmp_path, body):
    assert sniff(make_file(tmp_path, body)) is None


@pytest.mark.parametrize(
    "header, length",
    [
        (b"\xff\xfb\x90\x00", 417),  # MPEG-1, 128 kb/s, 44.1 kHz
        (b"\xff\xfb\x92\x00", 418),  # the same, padded
        (b"\xff\xfa\xe4\x00", 960),  # 320 kb/s, 48 kHz, with a checksum
        (b"\xff\xf3\x80\x00", 208),  # MPEG-2, 64 kb/s, 22.05 kHz
        (b"\xff\xe3\x18\x00", 72),  # MPEG-2.5, 8 kb/s, 8 kHz
    ],
)
def test_two_consistent_frame_headers_are_an_mp3(tmp_path, header, length):
    assert sniff(make_file(tmp_path, make_frames(header, length))).name == "mp3"
    assert sniff(make_file(tmp_path, make_frames(header, length, count=1))) is None
    assert sniff(make_file(tmp_path, make_frames(header, length + 1))) is None


@pytest.mark.parametrize("header", [b"\xff\xfb\x00\x00", b"\xff\xfb\xf0\x00", b"\xff\xfb\x9c\x00", b"\xff\xeb\x90\x00"])
def test_a_reserved_field_in_the_header_is_no_mp3(tmp_path, header):
    for length in (208, 417, 418):
        assert sniff(make_file(tmp_path, make_frames(header, length))) is None


def test_the_second_frame_must_be_of_the_same_stream(tmp_path):
    frames = make_frames(b"\xff\xfb\x90\x00", 417, count=1) + make_frames(b"\xff\xfb\x94\x00", 384)
    assert sniff(make_file(tmp_path, frames)) is None


def test_tags_and_zeros_before_the_frames_are_counted(tmp_path):
    frames = make_frames(b"\xff\xfb\x90\x00", 417)
    for before in (b"", make_id3(bytes(300)), make_id3(b"") + make_id3(bytes(7)) + bytes(900)):
        path = make_file(tmp_path, before + frames)
        assert sniff(path).name == "mp3"
        assert sound_start(path) == len(before)


def test_a_tag_with_a_footer_is_ten_bytes_longer(tmp_path):
    tag = b"ID3\x04\x00\x10\x00\x00\x00\x05" + bytes(15)
    assert sound_start(make_file(tmp_path, tag + make_frames(b"\xff\xfb\x90\x00", 417))) == 25


def test_an_mp4_whose_first_box_length_ends_in_ones_starts_at_its_start(tmp_path):
    path = make_file(tmp_path, b"\x00\x00\x00\xffftypM4A " + bytes(300))
    assert (sniff(path).name, sound_start(path)) == ("m4a", 0)


def test_only_sound_may_stand_behind_an_id3_tag(tmp_path):
    for name in FORMATS:
        found = sniff(make_file(tmp_path, make_id3(bytes(9)) + make_bytes(name)))
        assert (found is not None) == (name in ("mp3", "flac"))


def test_formats_are_named_as_a_sentence_names_them():
    assert in_words(UPLOAD_FORMATS) == "MP3, WAV or FLAC"
    assert in_words(frozenset({"flac"})) == "FLAC"
