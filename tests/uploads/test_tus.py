"""The rules of tus 1.0.0, by its own words."""

import base64
import datetime as dt
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from apps.lib.errors import Refusal
from apps.uploads import tus


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("version", [None, "", "0.2.2", "1.0.1", "1.0.0,0.2.2"])
def test_another_version_is_refused(version):
    with pytest.raises(Refusal) as refused:
        tus.agree(version)
    assert (refused.value.code, refused.value.status) == ("TUS_VERSION", 412)
    tus.agree("1.0.0")


def test_what_is_spoken_is_told():
    said = tus.capabilities(50)
    assert said["Tus-Version"] == "1.0.0" and said["Tus-Max-Size"] == "50"
    assert said["Tus-Extension"] == "creation,creation-with-upload,expiration,checksum,termination"
    assert set(said["Tus-Checksum-Algorithm"].split(",")) == {"sha1", "sha256", "md5"}


@pytest.mark.parametrize(
    "said", [None, "", "-1", "+1", "1.0", "1e3", " 1", "1 ", "0x10", "\u0663", "9" * 19, "1,2", "1\n"]
)
def test_a_length_or_an_offset_is_a_whole_number(said):
    with pytest.raises(Refusal) as refused:
        tus.number("Upload-Offset", said)
    assert (refused.value.code, refused.value.status) == ("INVALID", 400)
    assert list(refused.value.fields) == ["Upload-Offset"]
    assert [tus.number("Upload-Offset", text) for text in ("0", "007", "52428800")] == [0, 7, 52428800]


@pytest.mark.parametrize(
    "headers", [{}, {"Upload-Defer-Length": "1"}, {"Upload-Concat": "partial", "Upload-Length": "1"}]
)
def test_what_is_not_offered_is_refused_by_name(headers):
    with pytest.raises(Refusal) as refused:
        tus.length(headers)
    assert list(refused.value.fields) == [next(iter(headers), "Upload-Length")]


def test_metadata_is_read():
    said = f"filename {coded('Blå Timme.mp3')},is_public, title {coded('')},empty "
    assert tus.metadata(said) == {"filename": "Blå Timme.mp3", "is_public": "", "title": "", "empty": ""}
    assert tus.metadata(None) == tus.metadata("") == tus.metadata("  ") == {}


@pytest.mark.parametrize(
    "said",
    [
        ",", "a,", " ,a", "a YQ==,a YQ==", "a YQ", "a Y?==", "a YQ== YQ==", "a /w==", "\u00e9 YQ==", "a\tb YQ==",
        f"{'k' * 101} YQ==", "a\x00 YQ==",
    ],
)  # fmt: skip
def test_broken_metadata_is_refused(said):
    with pytest.raises(Refusal) as refused:
        tus.metadata(said)
    assert (refused.value.code, list(refused.value.fields)) == ("INVALID", ["Upload-Metadata"])


@given(some.dictionaries(some.from_regex(r"[a-zA-Z_-]{1,20}", fullmatch=True), some.text(max_size=40), max_size=8))
def test_what_a_client_writes_is_what_is_read(pairs):
    assert tus.metadata(",".join(f"{key} {coded(value)}" for key, value in pairs.items())) == pairs


@given(some.text(max_size=80))
def test_no_text_breaks_the_reading(said):
    for read in (tus.metadata, tus.checksum):
        try:
            read(said)
        except Refusal as refused:
            assert refused.status == 400


@pytest.mark.parametrize("name", ["sha1", "sha256", "md5"])
def test_a_piece_is_measured_by_what_was_said(name):
    digest = hashlib.new(name, b"hello world")
    said = tus.checksum(f"{name} {base64.b64encode(digest.digest()).decode()}")
    taken = said.begun()
    taken.update(b"hello world")
    said.check(taken)
    taken.update(b"!")
    with pytest.raises(Refusal) as refused:
        said.check(taken)
    assert (refused.value.code, refused.value.status) == ("CHECKSUM_MISMATCH", 460)
    assert tus.checksum(None) is None


@pytest.mark.parametrize(
    "said", ["", "sha1", "crc32 AAAA", "sha1 ???", "sha1 AAAA", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="]
)
def test_a_checksum_that_says_nothing_is_refused(said):
    with pytest.raises(Refusal) as refused:
        tus.checksum(said)
    assert (refused.value.status, list(refused.value.fields)) == (400, ["Upload-Checksum"])


@pytest.mark.parametrize(
    ("said", "comes", "code"),
    [(5, 5, None), (5, None, None), (5, 0, None), (4, 1, "OFFSET_CONFLICT"), (6, 1, "OFFSET_CONFLICT"), (5, 6, "TOO_LARGE")],
)  # fmt: skip
def test_a_piece_starts_where_the_last_one_ended_and_ends_in_time(said, comes, code):
    if code is None:
        return tus.follows(said=said, offset=5, comes=comes, size=10)
    with pytest.raises(Refusal) as refused:
        tus.follows(said=said, offset=5, comes=comes, size=10)
    assert (refused.value.code, refused.value.status) == (code, {"OFFSET_CONFLICT": 409, "TOO_LARGE": 413}[code])


def test_the_end_is_told_as_http_tells_times():
    until = dt.datetime(2014, 6, 25, 16, tzinfo=dt.UTC)
    assert tus.standing(offset=3, expires_at=until) == {
        "Upload-Offset": "3",
        "Upload-Expires": "Wed, 25 Jun 2014 16:00:00 GMT",
    }
    assert tus.standing(offset=0) == {"Upload-Offset": "0"}


@pytest.mark.parametrize(
    ("method", "override", "meant"),
    [
        ("POST", "PATCH", "PATCH"), ("POST", "delete", "DELETE"), ("POST", None, "POST"), ("POST", "PUT", "POST"),
        ("GET", "DELETE", "GET"), ("HEAD", "DELETE", "HEAD"), ("PATCH", "DELETE", "PATCH"),
    ],
)  # fmt: skip
def test_only_a_post_may_mean_another_method(method, override, meant):
    """A GET that meant DELETE would come in without its CSRF token."""
    assert tus.meant(method, override) == meant


def test_the_type_of_a_piece():
    assert tus.is_piece("application/offset+octet-stream") and tus.is_piece("Application/Offset+Octet-Stream; x=1")
    assert not tus.is_piece("application/octet-stream") and not tus.is_piece("")
