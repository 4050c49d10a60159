import gzip
import hashlib
import pickle
import random
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st

from apps.lib import fetch as fetch_module
from apps.lib.fetch import MAX_RETRY_AFTER, FetchError, Rules, ask, check_url, fetch, retry_after_seconds
from deploy.demo.behaviours import Behaviour, chunked
from deploy.demo.provider import Provider

NAME = "cdn.example.com"
PUBLIC_ADDRESS = "93.184.215.14"
DATA = random.Random(7).randbytes(200_000)
NAMES_ONLY = Rules(hosts=(NAME, "kept.example.org", ".media.example.net"))


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def into(tmp_path) -> Path:
    return tmp_path / "body"


class Wire:
    """A loopback server that answers the n-th connection with the n-th text as it is; `seen` is what it got.

    None is two seconds of silence before it hangs up. After the last text it hangs up at once.
    """

    def __init__(self, *answers: bytes | None):
        self.seen: list[bytes] = []
        self._answers = list(answers)
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Wire":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._answer(connection, self._answers.pop(0) if self._answers else b"")

    def _answer(self, connection: socket.socket, answer: bytes | None) -> None:
        self.seen.append(connection.recv(65_536) if answer else b"")
        if answer is None:
            self._over.wait(2)
        else:
            connection.sendall(answer)


@pytest.fixture(scope="module")
def canary() -> Iterator[Wire]:
    with Wire() as running:
        yield running


def make_name_server(*answers: list[str]):
    """A resolver that gives one answer after the other and remembers for which names it was asked."""

    def resolve(host: str, port: int) -> list[str]:
        resolve.asked.append(host)
        return answers[len(resolve.asked) - 1]

    resolve.asked = []
    return resolve


def make_fetch(url: str, into: Path, origin: str = "", *, max_bytes: int = 1_000_000, deadline: float = 10, **more):
    rules = Rules(hosts=NAMES_ONLY.hosts, origins=(origin,) if origin else ())
    return fetch(url, into, rules=rules, max_bytes=max_bytes, deadline=deadline, **more)


def make_failure(url: str, into: Path, origin: str = "", **more) -> FetchError:
    """The error of a download that must fail, and must leave nothing behind."""
    with pytest.raises(FetchError) as caught:
        make_fetch(url, into, origin, **more)
    assert not into.exists()
    return caught.value


def make_failing_wire(into: Path, answer: bytes | None, **more) -> FetchError:
    with Wire(answer) as wire:
        return make_failure(f"{wire.origin}/a.mp3", into, wire.origin, **more)


# Whole bodies


@pytest.mark.parametrize("behaviour", ["ok", "chunked"])
def test_a_whole_body_arrives_with_its_size_and_hash(provider, into, behaviour):
    url = provider.publish("suno", "whole.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour(behaviour))
    fetched = make_fetch(url, into, provider.origin)
    assert into.read_bytes() == DATA
    assert (fetched.path, fetched.size, fetched.sha256) == (into, len(DATA), hashlib.sha256(DATA).hexdigest())
    assert (fetched.content_type, fetched.final_url, fetched.status) == ("audio/mpeg", url, 200)


@pytest.mark.parametrize("behaviour", ["html200", "json200", "wrong_type", "flipped", "empty", "forbidden_literal"])
def test_a_whole_body_that_is_not_the_file_is_handed_over_as_it_is(provider, into, behaviour):
    url = provider.publish("suno", f"{behaviour}.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour(behaviour))
    fetched = make_fetch(url, into, provider.origin)
    assert hashlib.sha256(into.read_bytes()).hexdigest() == fetched.sha256
    assert fetched.size == into.stat().st_size


def test_a_slow_source_that_makes_it_in_time_is_accepted(provider, into):
    url = provider.publish("suno", "slow.mp3", DATA[:20_000], "audio/mpeg")
    provider.behave(url, Behaviour("slow", 200_000))
    assert make_fetch(url, into, provider.origin).size == 20_000


def test_a_body_of_exactly_the_allowed_size_is_accepted(provider, into):
    url = provider.publish("suno", "full.mp3", DATA, "audio/mpeg")
    assert make_fetch(url, into, provider.origin, max_bytes=len(DATA)).size == len(DATA)


def test_a_longer_file_from_an_earlier_try_is_replaced(provider, into):
    into.write_bytes(DATA * 2)
    url = provider.publish("suno", "again.mp3", DATA, "audio/mpeg")
    make_fetch(url, into, provider.origin)
    assert into.read_bytes() == DATA


def test_the_content_type_comes_without_parameters_and_in_lower_case(into):
    with Wire(b"HTTP/1.1 200 OK\r\nContent-Type: Audio/MPEG; x=1\r\nContent-Length: 1\r\n\r\na") as wire:
        assert make_fetch(f"{wire.origin}/a", into, wire.origin).content_type == "audio/mpeg"


# Bodies that are not whole, too large or encoded


@pytest.mark.parametrize("behaviour", ["truncated", "no_length"])
@pytest.mark.parametrize("cut", [0, 1, 2, 9, 100, 999, 1000, 1001, 1500, 2047, 2048, 2500, 2998, 2999])
def test_a_truncated_body_is_refused_wherever_it_was_cut(provider, into, behaviour, cut):
    url = provider.publish("suno", "cut.mp3", DATA[:3000], "audio/mpeg")
    provider.behave(url, Behaviour(behaviour, cut))
    assert make_failure(url, into, provider.origin).code == "TRUNCATED"


WIRE_LENGTH = len(chunked(DATA[:3000]))


@pytest.mark.parametrize("cut", [*range(0, 12), 1004, 1005, 1006, 2013, 2500, *range(WIRE_LENGTH - 12, WIRE_LENGTH)])
def test_chunks_cut_anywhere_are_refused(provider, into, cut):
    url = provider.publish("suno", "chunks.mp3", DATA[:3000], "audio/mpeg")
    provider.behave(url, Behaviour("truncated_chunked", cut))
    assert make_failure(url, into, provider.origin).code == "TRUNCATED"


def test_a_body_without_length_is_refused_even_if_it_happens_to_be_whole(provider, into):
    url = provider.publish("suno", "open.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour("no_length", len(DATA)))
    assert make_failure(url, into, provider.origin).code == "TRUNCATED"


def test_a_declared_size_above_the_cap_is_refused_before_the_body(provider, into):
    url = provider.publish("suno", "large.mp3", DATA, "audio/mpeg")
    error = make_failure(url, into, provider.origin, max_bytes=len(DATA) - 1)
    assert (error.code, str(len(DATA)) in error.message) == ("TOO_LARGE", True)


def test_an_endless_body_ends_at_the_cap(provider, into):
    provider.behave("/suno/endless.mp3", Behaviour("endless"))
    assert make_failure(f"{provider.origin}/suno/endless.mp3", into, provider.origin).code == "TOO_LARGE"


def test_a_gzip_bomb_is_refused_although_it_is_small_on_the_wire(provider, into):
    provider.behave("/suno/bomb.mp3", Behaviour("gzip_bomb"))
    url = f"{provider.origin}/suno/bomb.mp3"
    assert make_failure(url, into, provider.origin, max_bytes=10_000_000).code == "ENCODED"


@pytest.mark.parametrize(
    "headers",
    [
        "gzip",
        "br",
        "GZIP",
        "identity, gzip",
        "identity\r\nContent-Encoding: gzip",
        "gzip\r\nContent-Encoding: identity",
    ],
)
def test_every_content_encoding_is_refused(into, headers):
    body = gzip.compress(b"x" * 100)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {headers}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert make_failing_wire(into, head + body).code == "ENCODED"


def test_the_word_identity_is_no_encoding(into):
    with Wire(b"HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 1\r\n\r\na") as wire:
        assert make_fetch(f"{wire.origin}/a", into, wire.origin).size == 1


def test_bytes_after_the_declared_length_are_not_part_of_the_file(into):
    with Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef") as wire:
        make_fetch(f"{wire.origin}/a", into, wire.origin)
    assert into.read_bytes() == b"abc"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
    ],
    ids=["hang-up", "garbage", "two-lengths", "negative-length", "coded-chunks", "huge-header"],
)
def test_a_broken_protocol_is_a_network_error(into, answer):
    assert make_failing_wire(into, answer).code == "NETWORK_ERROR"


def test_a_reset_in_the_middle_is_a_network_error(provider, into):
    url = provider.publish("suno", "reset.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour("reset"))
    assert make_failure(url, into, provider.origin).code == "NETWORK_ERROR"


# Statuses


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("403", "GONE"),
        ("404", "GONE"),
        ("410", "GONE"),
        ("429", "RATE_LIMITED"),
        ("503", "RATE_LIMITED"),
        ("500", "SOURCE_ERROR"),
        ("502", "SOURCE_ERROR"),
    ],
)
def test_a_refusing_status_has_its_code(provider, into, behaviour, code):
    provider.behave("/suno/status.mp3", Behaviour(behaviour))
    error = make_failure(f"{provider.origin}/suno/status.mp3", into, provider.origin)
    assert (error.code, error.status) == (code, int(behaviour))


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "304 Not Modified", "401 Who", "418 Tea"])
def test_no_status_but_200_brings_a_file(into, status):
    error = make_failing_wire(into, f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    assert (error.code, error.status) == ("SOURCE_ERROR", int(status[:3]))


@pytest.mark.parametrize(
    ("behaviour", "shortest", "longest"),
    [
        (Behaviour("429"), 120, 120),
        (Behaviour("429", "7"), 7, 7),
        (Behaviour("429_date"), 90, 120),
        (Behaviour("429_negative"), 0, 0),
        (Behaviour("429_year_9999"), MAX_RETRY_AFTER, MAX_RETRY_AFTER),
        (Behaviour("503", "30"), 30, 30),
    ],
)
def test_retry_after_is_read_in_every_form(provider, into, behaviour, shortest, longest):
    provider.behave("/suno/later.mp3", behaviour)
    error = make_failure(f"{provider.origin}/suno/later.mp3", into, provider.origin)
    assert shortest <= error.retry_after <= longest


def test_without_retry_after_nobody_knows_when(provider, into):
    provider.behave("/suno/never.mp3", Behaviour("503"))
    assert make_failure(f"{provider.origin}/suno/never.mp3", into, provider.origin).retry_after is None


@given(st.one_of(st.text(), st.integers().map(str), st.datetimes().map(format_datetime)))
@example("9" * 5000)
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Thu, 01 Dec 99999999999 00:00:00 GMT")
@example("Thu, 01 Jan 1970 00:00:00 -0000")
def test_any_retry_after_is_clamped_or_ignored(text):
    wait = retry_after_seconds(text, datetime(2026, 1, 1, tzinfo=UTC))
    assert wait is None or 0 <= wait <= MAX_RETRY_AFTER


@given(st.integers(min_value=0, max_value=int(MAX_RETRY_AFTER)))
def test_seconds_and_date_of_retry_after_mean_the_same(seconds):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(date, now) == retry_after_seconds(str(seconds), now) == seconds


# The deadline


@pytest.mark.parametrize("behaviour", [Behaviour("drip"), Behaviour("slow_headers"), Behaviour("slow", 1000)])
def test_a_source_that_never_quite_stops_ends_by_the_deadline(provider, into, behaviour):
    url = provider.publish("suno", "drip.mp3", DATA, "audio/mpeg")
    provider.behave(url, behaviour)
    assert make_failure(url, into, provider.origin, deadline=0.3).code == "TIMED_OUT"


def test_a_fast_endless_body_below_the_cap_ends_by_the_deadline(provider, into):
    provider.behave("/suno/long.mp3", Behaviour("endless"))
    url = f"{provider.origin}/suno/long.mp3"
    assert make_failure(url, into, provider.origin, deadline=0.2, max_bytes=10**12).code == "TIMED_OUT"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_source_that_says_nothing_ends_by_the_deadline(into, scheme):
    with Wire(None) as wire:
        origin = wire.origin.replace("http", scheme)
        assert make_failure(f"{origin}/a.mp3", into, origin, deadline=0.3).code == "TIMED_OUT"


def test_a_silent_source_is_given_up_before_a_late_deadline(into, monkeypatch):
    monkeypatch.setattr(fetch_module, "SILENCE", 0.2)
    assert make_failing_wire(into, None, deadline=3600).code == "TIMED_OUT"


def test_a_slow_name_server_ends_by_the_deadline(into):
    asleep = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        asleep.wait(30)
        return []

    assert make_failure(f"https://{NAME}/a", into, resolve=resolve, deadline=0.2).code == "TIMED_OUT"
    asleep.set()


def test_no_time_left_is_a_time_out_and_not_a_connection(canary, into):
    assert make_failure(f"{canary.origin}/a", into, canary.origin, deadline=0).code == "TIMED_OUT"
    assert canary.seen == []


# Where a download may go

SPELLINGS = """
http://127.0.0.1:{p}/ https://127.0.0.1:{p}/ https://127.0.0.1/ http://localhost:{p}/ https://localhost:{p}/
https://localhost/ https://localhost./ https://LOCALHOST:{p} https://localhost.localdomain:{p}/
https://127.1:{p}/ https://127.1/ https://127.0.1:{p}/ https://0:{p}/ https://0/ https://0.0.0.0:{p}/
https://0.0.0.0/ https://2130706433:{p}/ https://2130706433/ https://0x7f000001:{p}/ https://0x7f000001/
https://0x7f.1:{p}/ https://0x7f.1/ https://0x7f.0x0.0x0.0x1/ https://0177.0.0.1:{p}/ https://0177.0.0.1/
https://017700000001/ https://0177.1/ https://127.0.0.0x1/ https://127.0.0.01/ https://00000127.0.0.1/
https://127.0.0.1./ https://127.0.0.1.:{p}/ https://127.255.255.254:{p}/ https://[::1]:{p}/ https://[::1]/
https://[0:0:0:0:0:0:0:1]/ https://[::]/ https://[::ffff:127.0.0.1]:{p}/ https://[::ffff:127.0.0.1]/
https://[::ffff:7f00:1]/ https://[::127.0.0.1]/ https://[64:ff9b::7f00:1]/ https://[2002:7f00:1::]/
https://[::1%25lo]:{p}/ https://[::1%lo]/ https://[fe80::1%25eth0]/ https://[fd00::1]/
https://[v1.127.0.0.1]/ https://①②⑦.⓪.⓪.①:{p}/ https://①②⑦.0.0.1/ https://１２７.0.0.1/
https://127。0。0。1/ https://127．0．0．1/ https://127｡0｡0｡1:{p}/ https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{p}/
https://locaⅼhost/ https://cdn。example。com/ https://cdn.example.com。/ https://cdn.example．com/
https://сdn.example.com/ https://\u212aept.example.org/ https://cdn.ex\u00adample.com/
https://cdn.example\u200b.com/ https://cdn.example.com./ https://cdn.example.com.:443/
https://cdn..example.com/ https://.cdn.example.com/ https://cdn.example.com:{p}/ https://cdn.example.com:80/
https://cdn.example.com:0443/ https://cdn.example.com:/ https://cdn.example.com:443:443/
https://cdn.example.com:+443/ https://cdn.example.com:４４３/ https://cdn.example.com:-1/
https://cdn.example.com:65979/ http://cdn.example.com/ http://cdn.example.com:443/ ftp://cdn.example.com/
file:///etc/passwd file://cdn.example.com/etc/passwd gopher://127.0.0.1:{p}/_x dict://127.0.0.1:{p}/
ws://cdn.example.com/ wss://cdn.example.com/ data:audio/mpeg;base64,AAAA javascript:alert(1)
httpss://cdn.example.com/ https+unix://cdn.example.com/ https:cdn.example.com https:/cdn.example.com
https:///cdn.example.com https:////cdn.example.com //cdn.example.com/ cdn.example.com 127.0.0.1:{p} https://
https://? https://# https:///a https://@/ https://:443/ https://user@cdn.example.com/
https://user:pass@cdn.example.com/ https://:@cdn.example.com/ https://@cdn.example.com/
https://cdn.example.com@127.0.0.1:{p}/ https://127.0.0.1:{p}@cdn.example.com/
https://cdn.example.com:443@127.0.0.1/ https://cdn.example.com%40127.0.0.1/
https://cdn.example.com%2f@127.0.0.1/ https://cdn.example.com%00.127.0.0.1/
https://127.0.0.1%23cdn.example.com/ https://127.0.0.1?@cdn.example.com/ https://127.0.0.1#@cdn.example.com/
https://127.0.0.1/cdn.example.com https://127.0.0.1:{p}?cdn.example.com https://127.0.0.1;cdn.example.com/
https://127.0.0.1,cdn.example.com/ https://127.0.0.1&cdn.example.com/ https://cdn.example.com,127.0.0.1/
https://%31%32%37.0.0.1/ https://%6cocalhost/ https://cdn%2eexample%2ecom/
https://cdn.example.com\\@127.0.0.1/ https://127.0.0.1\\@cdn.example.com/ https:\\\\127.0.0.1\\
https:/\\127.0.0.1/ \\\\127.0.0.1\\share https://cdn.example.com.127.0.0.1.nip.io/ https://127.0.0.1.nip.io/
https://evilcdn.example.com/ https://cdn.example.com.evil.test/ https://example.com/
https://media.example.net/ https://evilmedia.example.net/ https://-.media.example.net/
https://a-.media.example.net/ https://_a.media.example.net/ https://*.media.example.net/
https://.media.example.net/ https://a..media.example.net/ https://{long}.media.example.net/
https://{many}media.example.net/ https://169.254.169.254/latest/meta-data/ https://10.0.0.1/
https://192.168.1.1/ https://8.8.8.8/ https://134744072/ https://[2606:4700::1111]/ https://metadata/
https://metadata.google.internal/ https://cdn.example.com/{huge}
"""
ODD_CHARACTERS = [
    f"https://cdn.example.com/{odd}" for odd in ("a b", "a\\b", "a\tb", "a\nb", "a\r\nHost: x", "\x00", "\x7f")
]
ODD_CHARACTERS += [f"https://cdn.example.com{odd}/" for odd in "\t\n\r\x00 \u00a0\u2028\u3000\ud800"]
ODD_CHARACTERS += [
    " https://cdn.example.com/",
    "https://cdn.example.com/ ",
    "\nhttps://cdn.example.com/",
    "",
    " ",
]


def make_spelling(template: str, port: int) -> str:
    parts = {"{p}": str(port), "{long}": "a" * 64, "{many}": "a." * 130, "{huge}": "a" * 9000}
    for mark, text in parts.items():
        template = template.replace(mark, text)
    return template


@pytest.mark.parametrize("spelling", SPELLINGS.split() + ODD_CHARACTERS, ids=ascii)
def test_a_hostile_spelling_is_refused_without_a_look_up_or_a_connection(canary, into, spelling):
    url = make_spelling(spelling, canary.port)
    name_server = make_name_server()
    assert make_failure(url, into, resolve=name_server).code == "URL_REFUSED"
    with pytest.raises(FetchError, match="URL_REFUSED"):
        check_url(url, NAMES_ONLY)
    assert (name_server.asked, canary.seen) == ([], [])


@given(st.text())
def test_no_text_at_all_breaks_the_check(text):
    for url in (text, f"https://{text}", f"https://{NAME}{text}"):
        try:
            check_url(url, NAMES_ONLY)
        except FetchError as error:
            assert error.code == "URL_REFUSED"


@given(st.ip_addresses())
def test_an_address_is_no_name_even_when_it_is_listed(address):
    host = f"[{address}]" if address.version == 6 else str(address)
    with pytest.raises(FetchError, match="URL_REFUSED"):
        check_url(f"https://{host}/", Rules(hosts=(host, str(address))))


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com",
        "https://cdn.example.com/a.mp3",
        "HTTPS://CDN.Example.COM/a.mp3",
        "https://cdn.example.com:443/a.mp3?signature=a%2Fb&x=[1]",
        "https://cdn.example.com/песня.mp3#t=10",
        "https://cdn.example.com/https://127.0.0.1/@x",
        "https://a.media.example.net/a",
        "https://a-1.b.media.example.net/a",
    ],
)
def test_an_ordinary_address_of_a_listed_host_is_accepted(url):
    check_url(url, NAMES_ONLY)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("https://cdn.example.com/a b", "characters"),
        ("https:cdn.example.com", "host name"),
        ("http://cdn.example.com/", "https"),
        ("https://me:secret@cdn.example.com/", "user name or password"),
        ("https://1.1.1.1/", "plain name"),
        ("https://cdn.example.com:8443/", "443"),
        ("https://example.com/", "example.com"),
    ],
)
def test_a_refused_address_says_what_to_change_and_no_secret(url, hint):
    with pytest.raises(FetchError, match=hint) as caught:
        check_url(url, NAMES_ONLY)
    assert "secret" not in str(caught.value)


def test_an_origin_is_exempt_only_as_the_exact_text(canary, into):
    rules = Rules(hosts=(), origins=("http://127.0.0.1:1",))
    check_url("http://127.0.0.1:1/a", rules)
    for url in (
        "http://127.0.0.1:11/",
        "https://127.0.0.1:1/",
        "http://127.1:1/",
        "http://127.0.0.1/",
        "http://a@127.0.0.1:1/",
    ):
        with pytest.raises(FetchError, match="URL_REFUSED"):
            check_url(url, rules)


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["fe80::1%lo"],
        [PUBLIC_ADDRESS, "127.0.0.1"],
        ["127.0.0.1", PUBLIC_ADDRESS],
        ["2606:4700::1111", "fd00::1"],
    ],
)
def test_a_listed_name_with_any_inner_address_is_refused(canary, into, monkeypatch, answers):
    dial_instead(monkeypatch, canary.port)
    error = make_failure(f"https://{NAME}/a", into, resolve=make_name_server(answers))
    assert (error.code, canary.seen) == ("URL_REFUSED", [])


def test_a_name_without_an_address_is_a_network_error(into):
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert make_failure(f"https://{NAME}/a", into, resolve=resolve).code == "NETWORK_ERROR"
    assert make_failure(f"https://{NAME}/a", into, resolve=make_name_server([])).code == "NETWORK_ERROR"


def test_a_closed_port_is_a_network_error(into):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        origin = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert make_failure(f"{origin}/a", into, origin).code == "NETWORK_ERROR"


# Redirects


def test_a_redirect_to_an_allowed_place_is_followed(provider, into):
    target = provider.publish("suno", "target.mp3", DATA, "audio/mpeg")
    provider.behave("/suno/here.mp3", Behaviour("redirect", "/suno/there.mp3"))
    provider.behave("/suno/there.mp3", Behaviour("redirect", target))
    fetched = make_fetch(f"{provider.origin}/suno/here.mp3", into, provider.origin)
    assert (fetched.final_url, fetched.size) == (target, len(DATA))


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{p}/",
        "https://127.0.0.1:{p}/",
        "//127.0.0.1:{p}/",
        "http://127.1:{p}/",
        "http://[::1]:{p}/",
        "http://localhost:{p}/",
        "https://cdn.example.com:{p}/",
        "https://user@cdn.example.com/",
        "file:///etc/passwd",
        "http://[",
        "//\\127.0.0.1:{p}/",
    ],
)
def test_a_redirect_to_a_forbidden_place_is_refused(provider, canary, into, location):
    provider.behave("/suno/away.mp3", Behaviour("redirect", location.replace("{p}", str(canary.port))))
    error = make_failure(f"{provider.origin}/suno/away.mp3", into, provider.origin)
    assert (error.code, canary.seen) == ("URL_REFUSED", [])


def test_a_redirect_to_a_private_place_is_refused(provider, into):
    provider.behave("/suno/private.mp3", Behaviour("redirect_private"))
    assert make_failure(f"{provider.origin}/suno/private.mp3", into, provider.origin).code == "URL_REFUSED"


def test_three_redirects_are_followed_and_a_fourth_is_not(provider, into):
    provider.publish("suno", "hop0.mp3", DATA, "audio/mpeg")
    for hop in range(1, 5):
        provider.behave(f"/suno/hop{hop}.mp3", Behaviour("redirect", f"/suno/hop{hop - 1}.mp3"))
    assert make_fetch(f"{provider.origin}/suno/hop3.mp3", into, provider.origin).size == len(DATA)
    assert make_failure(f"{provider.origin}/suno/hop4.mp3", into, provider.origin).code == "TOO_MANY_REDIRECTS"


def test_a_redirect_loop_ends(provider, into):
    provider.behave("/suno/loop.mp3", Behaviour("redirect_loop"))
    url = f"{provider.origin}/suno/loop.mp3"
    assert make_failure(url, into, provider.origin).code == "TOO_MANY_REDIRECTS"
    assert provider.requests["/suno/loop.mp3"] == 4


# What is sent, and what the environment may not change


@pytest.mark.parametrize(
    ("written", "sent"),
    [("", "/"), ("?x=1", "/?x=1"), ("#part", "/"), ("/a%2Fb?c=d%20e", "/a%2Fb?c=d%20e"), ("/é|", "/%C3%A9%7C")],
)
def test_the_target_is_sent_as_written_with_the_rest_escaped(into, written, sent):
    with Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na") as wire:
        make_fetch(f"{wire.origin}{written}", into, wire.origin)
    assert wire.seen[0].startswith(f"GET {sent} HTTP/1.1\r\n".encode())


def test_only_four_headers_are_sent_and_no_cookie_comes_back(into):
    headers = b"Location: /b\r\nSet-Cookie: a=1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with Wire(b"HTTP/1.1 302 Found\r\n" + headers, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na") as wire:
        make_fetch(f"{wire.origin}/a#fragment", into, wire.origin)
    for target, request in zip(("/a", "/b"), wire.seen, strict=True):
        line, *headers = request.decode().rstrip().split("\r\n")
        assert line == f"GET {target} HTTP/1.1"
        assert {header.partition(":")[0] for header in headers} == {
            "Host",
            "User-Agent",
            "Accept",
            "Accept-Encoding",
        }
        assert "Accept-Encoding: identity" in headers


def test_a_proxy_of_the_environment_is_not_used(provider, canary, into, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, canary.origin)
    url = provider.publish("suno", "proxy.mp3", DATA, "audio/mpeg")
    make_fetch(url, into, provider.origin)
    assert canary.seen == []


def test_a_full_disk_is_an_os_error_and_leaves_no_file(provider, into):
    url = provider.publish("suno", "disk.mp3", DATA, "audio/mpeg")
    into.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        make_fetch(url, into, provider.origin)
    assert not into.is_symlink()


class NoRoom(Exception):
    pass


@pytest.mark.parametrize(("behaviour", "first"), [("ok", len(DATA)), ("chunked", 50_000)])
def test_a_body_ends_where_the_disk_has_no_room_for_it(provider, into, monkeypatch, behaviour, first):
    """Asked for what is announced before the body, for what is missing while it comes: others write there too."""
    monkeypatch.setattr(fetch_module, "ROOM_EVERY", 50_000)
    url = provider.publish("suno", "room.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour(behaviour))
    asked = []

    def room(needed: int) -> None:
        asked.append(needed)
        if len(asked) == 3:
            raise NoRoom

    with pytest.raises(NoRoom):
        make_fetch(url, into, provider.origin, room=room)
    assert asked[0] == first and 0 < asked[-1] < len(DATA) and not into.exists()


def test_the_error_survives_a_trip_to_another_process():
    error = pickle.loads(pickle.dumps(FetchError("RATE_LIMITED", "Later.", 429, 12.0)))
    assert (error.code, error.message, error.status, error.retry_after) == (
        "RATE_LIMITED",
        "Later.",
        429,
        12.0,
    )


# TLS, names and addresses: a server on loopback stands where the checked public address would be


def dial_instead(monkeypatch, port: int) -> list[tuple[str, int]]:
    """Connections to any address end at this loopback port; returns the list of what was to be dialled."""
    dialled = []

    def dial(address: str, wanted_port: int, timeout: float) -> httpcore.NetworkStream:
        dialled.append((address, wanted_port))
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", port, timeout=timeout)

    monkeypatch.setattr(fetch_module, "_dial", dial)
    return dialled


def make_certificate(folder: Path) -> Path:
    """A self-signed certificate for NAME with its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(pem)
    return path


class Secure(BaseHTTPRequestHandler):
    """Redirects /again to /, answers anything else with four bytes, and notes the Host headers."""

    hosts: list[str]

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        again = self.path == "/again"
        self.send_response(302 if again else 200)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0" if again else "4")
        self.end_headers()
        self.wfile.write(b"" if again else b"data")

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def make_secure_server(certificate: Path) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yields the port and the names seen in SNI and in Host."""
    indicated: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda connection, name, _: indicated.append(name)
    handler = type("Handler", (Secure,), {"hosts": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port, indicated, handler.hosts
        server.shutdown()


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """(dialled addresses, SNI names, Host headers) of the server behind every address."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setattr(fetch_module, "_tls", lambda: ssl.create_default_context(cafile=certificate))
    with make_secure_server(certificate) as (port, indicated, hosts):
        yield dial_instead(monkeypatch, port), indicated, hosts


def test_the_connection_goes_to_the_checked_address_and_the_name_stays(secure, into):
    dialled, indicated, hosts = secure
    name_server = make_name_server([PUBLIC_ADDRESS], ["127.0.0.1"])
    fetched = make_fetch(f"https://{NAME}/a", into, resolve=name_server)
    assert (fetched.size, into.read_bytes()) == (4, b"data")
    assert (dialled, name_server.asked) == ([(PUBLIC_ADDRESS, 443)], [NAME])
    assert (indicated, hosts) == ([NAME], [NAME])


def test_a_name_that_turns_inwards_between_two_hops_is_refused(secure, into):
    dialled, _, _ = secure
    name_server = make_name_server([PUBLIC_ADDRESS], ["127.0.0.1"])
    error = make_failure(f"https://{NAME}/again", into, resolve=name_server)
    assert (error.code, dialled) == ("URL_REFUSED", [(PUBLIC_ADDRESS, 443)])


def test_the_second_address_is_tried_when_the_first_is_dead(secure, into, monkeypatch):
    alive = fetch_module._dial

    def dial(address: str, port: int, timeout: float) -> httpcore.NetworkStream:
        if address != PUBLIC_ADDRESS:
            raise httpcore.ConnectError("refused")
        return alive(address, port, timeout)

    monkeypatch.setattr(fetch_module, "_dial", dial)
    name_server = make_name_server(["2606:4700::1111", PUBLIC_ADDRESS])
    assert make_fetch(f"https://{NAME}/a", into, resolve=name_server).size == 4


def test_a_certificate_for_another_name_is_a_network_error(secure, into):
    error = make_failure("https://a.media.example.net/a", into, resolve=make_name_server([PUBLIC_ADDRESS]))
    assert error.code == "NETWORK_ERROR"


def test_an_unknown_authority_is_a_network_error(secure, into, monkeypatch):
    monkeypatch.setattr(fetch_module, "_tls", ssl.create_default_context)
    error = make_failure(f"https://{NAME}/a", into, resolve=make_name_server([PUBLIC_ADDRESS]))
    assert error.code == "NETWORK_ERROR"


# --- An answer in memory ------------------------------------------------------------------------------------
def asked(origin: str, path: str = "/x", most: int = 1000, **headers: str) -> bytes:
    return ask(origin + path, rules=Rules((), (origin,)), headers=headers, max_bytes=most, deadline=2)


def test_an_answer_is_asked_for_with_our_headers_and_kept_in_memory(provider):
    url = provider.publish("api", "answer", b'{"a": 1}', "application/json")
    assert asked(provider.origin, "/api/answer", Authorization="Bearer k") == b'{"a": 1}'
    assert url and provider.log[-1].headers["authorization"] == "Bearer k"


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [("redirect", "SOURCE_ERROR"), ("endless", "TOO_LARGE"), ("truncated", "TRUNCATED"), ("gzip_bomb", "ENCODED"),
     ("truncated_chunked", "TRUNCATED"), ("403", "GONE"), ("429", "RATE_LIMITED"), ("slow_headers", "TIMED_OUT")],
)  # fmt: skip
def test_an_answer_has_the_bounds_of_a_download_and_no_redirects(provider, behaviour, code):
    provider.behave("/bounds", Behaviour(behaviour))
    with pytest.raises(FetchError) as failure:
        asked(provider.origin, "/bounds", 20_000)
    assert failure.value.code == code


def test_an_announced_length_beyond_the_bound_is_refused_before_a_byte(provider):
    provider.publish("api", "long", bytes(1001), "application/json")
    with pytest.raises(FetchError) as failure:
        asked(provider.origin, "/api/long")
    assert failure.value.code == "TOO_LARGE"


def test_an_answer_comes_from_public_addresses_alone(canary):
    with pytest.raises(FetchError) as failure:
        ask(f"https://{NAME}/", rules=NAMES_ONLY, headers={}, max_bytes=9, deadline=2, resolve=lambda *_: ["127.0.0.1"])
    assert failure.value.code == "URL_REFUSED" and not canary.seen
