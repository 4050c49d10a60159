import io
import re
import unicodedata

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from apps.lib.ranges import PIECE, PLAYABLE, ranged_response

# Whoever closes an answer looks after the connections to the database.
pytestmark = pytest.mark.django_db

DATA = bytes(range(100))
WHOLE, UNSATISFIABLE = (200, None, DATA), (416, "bytes */100", b"")


def ask(data=DATA, method="GET", etag="v1", **headers):
    """The answer, and the file it was made from."""
    opened = io.BytesIO(data)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = RequestFactory().generic(method, "/", headers=headers)
    answer = ranged_response(request, opened, size=len(data), content_type="audio/mpeg", etag=etag)
    return answer, opened


def body(answer):
    return b"".join(answer)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", (206, "bytes 0-0/100", DATA[:1])),
        ("bytes=0-99", (206, "bytes 0-99/100", DATA)),
        ("bytes=10-19", (206, "bytes 10-19/100", DATA[10:20])),
        ("bytes=90-", (206, "bytes 90-99/100", DATA[90:])),
        ("bytes=90-1000", (206, "bytes 90-99/100", DATA[90:])),
        ("bytes=90-" + "9" * 30, (206, "bytes 90-99/100", DATA[90:])),
        ("bytes=-10", (206, "bytes 90-99/100", DATA[90:])),
        ("bytes=-1000", (206, "bytes 0-99/100", DATA)),
        ("Bytes = 10-19 ", (206, "bytes 10-19/100", DATA[10:20])),
        ("bytes=100-", UNSATISFIABLE),
        ("bytes=100-200", UNSATISFIABLE),
        ("bytes=-0", UNSATISFIABLE),
        ("bytes=0-9,20-29", WHOLE),
        ("bytes=20-10", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=", WHOLE),
        ("bytes", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=1.5-2", WHOLE),
        ("bytes=--5", WHOLE),
        ("bytes=0x1-5", WHOLE),
        ("seconds=1-2", WHOLE),
        ("bytes=" + "9" * 10_000 + "-", WHOLE),
        ("", WHOLE),
    ],
)
def test_a_range_is_answered_as_the_rfc_says(asked, expected):
    answer, opened = ask(Range=asked)
    assert (answer.status_code, answer.get("Content-Range"), body(answer)) == expected
    answer.close()
    assert opened.closed


def test_without_a_range_the_whole_is_sent():
    answer, _ = ask()
    assert (answer.status_code, answer["Content-Length"], body(answer)) == (200, "100", DATA)
    assert answer["Accept-Ranges"] == "bytes"


def test_an_empty_file_has_no_ranges():
    for asked in ("bytes=0-", "bytes=-1", "bytes=-0"):
        answer, _ = ask(b"", Range=asked)
        assert (answer.status_code, answer["Content-Length"], body(answer)) == (200, "0", b"")


def test_a_long_file_is_sent_in_pieces():
    answer, _ = ask(b"x" * (PIECE * 2 + 1), Range="bytes=1-")
    assert [len(piece) for piece in answer] == [PIECE, PIECE]
    assert answer["Content-Length"] == str(PIECE * 2)


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=255))
    | st.from_regex(r"bytes=[0-9]{0,3}-[0-9]{0,3}", fullmatch=True)
)
def test_any_range_gets_a_right_answer(asked):
    answer, _ = ask(Range=asked)
    if answer.status_code == 206:
        first, last = map(int, re.fullmatch(r"bytes (\d+)-(\d+)/100", answer["Content-Range"]).groups())
        assert body(answer) == DATA[first : last + 1]
        assert answer["Content-Length"] == str(last + 1 - first)
    else:
        assert (answer.status_code, body(answer)) in [(200, DATA), (416, b"")]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"v1"', 206),
        ('"v2"', 200),
        ('W/"v1"', 200),
        ("v1", 200),
        ("Sun, 01 Mar 2026 12:00:00 GMT", 200),
        ("", 200),
    ],
)
def test_a_part_is_sent_only_of_the_same_version(condition, status):
    assert ask(Range="bytes=0-9", If_Range=condition)[0].status_code == status


def test_without_a_tag_no_version_is_the_same():
    answer, _ = ask(etag=None, Range="bytes=0-9", If_Range='"v1"')
    assert answer.status_code == 200
    assert "ETag" not in answer


@pytest.mark.parametrize(
    ("known", "status"),
    [('"v1"', 304), ('W/"v1"', 304), ('"v0", "v1"', 304), ("*", 304), ('"v2"', 200), ("v1", 200), ("", 200)],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_known_version_is_not_sent_again(known, status, method):
    answer, _ = ask(method=method, If_None_Match=known)
    assert answer.status_code == status
    assert answer["ETag"] == '"v1"'


def test_a_known_version_is_not_sent_in_part_either():
    answer, opened = ask(If_None_Match='"v1"', Range="bytes=0-9")
    assert (answer.status_code, answer.content, opened.closed) == (304, b"", True)


def test_head_tells_the_length_and_sends_nothing():
    answer, opened = ask(method="HEAD", Range="bytes=0-9")
    assert (answer.status_code, answer["Content-Length"], answer.content) == (200, "100", b"")
    assert opened.closed


def test_the_file_is_closed_when_the_client_goes_away():
    never_read, opened = ask()
    never_read.close()
    assert opened.closed
    half_read, opened = ask(b"x" * PIECE * 3)
    next(iter(half_read))
    half_read.close()
    assert opened.closed


def test_a_file_that_ends_early_breaks_the_answer():
    answer = ranged_response(RequestFactory().get("/"), io.BytesIO(DATA), size=101, content_type="audio/mpeg")
    with pytest.raises(OSError, match="1 bytes early"):
        body(answer)


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}, {"Range": "bytes=100-"}, {"If_None_Match": "*"}])
def test_no_answer_is_sniffed_run_or_shared(headers):
    answer, _ = ask(**headers)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["Cache-Control"] == "private, max-age=0"


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "image/svg+xml",
        "application/xhtml+xml",
        "audio/mpeg; x=y",
        "AUDIO/MPEG\r\nX: y",
        "",
        None,
    ],
)
def test_what_is_not_playable_is_sent_as_plain_octets(kind):
    answer = ranged_response(RequestFactory().get("/"), io.BytesIO(DATA), size=100, content_type=kind)
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == "attachment"


@pytest.mark.parametrize("kind", sorted(PLAYABLE))
def test_what_is_playable_keeps_its_type(kind):
    answer = ranged_response(RequestFactory().get("/"), io.BytesIO(DATA), size=100, content_type=kind)
    assert answer["Content-Type"] == kind
    assert "Content-Disposition" not in answer


@given(st.text(max_size=400))
def test_no_file_name_breaks_the_header(filename):
    answer = ranged_response(
        RequestFactory().get("/"), io.BytesIO(), size=0, content_type=None, filename=filename, inline=False
    )
    header = answer["Content-Disposition"]
    assert header.startswith("attachment")
    assert header.isascii() and header.isprintable() and len(header) < 2000
    assert "\\" not in header.replace('\\"', "")


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("song.mp3", 'inline; filename="song.mp3"'),
        ('a "b".mp3', 'inline; filename="a \\"b\\".mp3"'),
        ("../../etc/passwd", 'inline; filename=".._.._etc_passwd"'),
        ("a\r\nSet-Cookie: x.mp3", 'inline; filename="aSet-Cookie: x.mp3"'),
        ("fdp\u202e3pm.exe", 'inline; filename="fdp3pm.exe"'),
        ("日本.mp3", "inline; filename*=utf-8''%E6%97%A5%E6%9C%AC.mp3"),
        ("x" * 10_000, f'inline; filename="{"x" * 150}"'),
        ("\r\n", None),
    ],
)
def test_a_file_name_is_cleaned(filename, header):
    request = RequestFactory().get("/")
    answer = ranged_response(request, io.BytesIO(), size=0, content_type="audio/mpeg", filename=filename)
    assert answer.get("Content-Disposition") == header
    assert not any(unicodedata.category(c).startswith("C") for c in header or "")
