import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.demo.behaviours import BEHAVIOURS, Behaviour, chunked
from deploy.demo.provider import Provider

DATA = bytes(range(256)) * 8


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[HTTPResponse, bytes]:
    """The answer and its body; IncompleteRead when the body breaks off."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=5)
    try:
        connection.request(method, parts.path, body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def order(provider: Provider, wish: object) -> tuple[int, dict]:
    response, body = ask(f"{provider.origin}/_control", "POST", json.dumps(wish).encode())
    return response.status, json.loads(body)


def status_of(url: str) -> int:
    return ask(url)[0].status


def test_a_published_file_is_served_under_its_label(provider):
    url = provider.publish("replicate", "abc/output.wav", DATA, "audio/wav")
    response, body = ask(url)
    assert url == f"{provider.origin}/replicate/abc/output.wav"
    assert (response.status, body) == (200, DATA)
    assert response.headers["Content-Type"] == "audio/wav"
    assert response.headers["Content-Length"] == str(len(DATA))


def test_head_tells_the_same_without_a_body(provider):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    response, body = ask(url, "HEAD")
    assert (response.status, response.headers["Content-Length"], body) == (200, str(len(DATA)), b"")


@pytest.mark.parametrize(
    ("header", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=100-", 206, 100, None),
        ("bytes=-5", 206, -5, None),
        ("bytes=10-99999999", 206, 10, None),
        ("bytes=0-0", 206, 0, 1),
        ("seconds=1-2", 200, 0, None),
        ("bytes=-", 200, 0, None),
        ("bytes=a-b", 200, 0, None),
    ],
)
def test_a_range_brings_just_those_bytes(provider, header, status, first, last):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    response, body = ask(url, Range=header)
    assert (response.status, body) == (status, DATA[first:last])
    if status == 206:
        start = DATA.index(body) if len(body) > 1000 else first % len(DATA)
        assert response.headers["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(DATA)}"


def test_a_range_behind_the_end_is_416(provider):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    response, _ = ask(url, Range=f"bytes={len(DATA)}-")
    assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")


@pytest.mark.parametrize(("name", "status"), [("suno", 403), ("mureka", 403), ("replicate", 404)])
def test_an_expired_file_answers_as_its_provider_does(provider, name, status):
    url = provider.publish(name, "old", DATA, "audio/mpeg", expires_in=-1)
    kept = provider.publish(name, "kept", DATA, "audio/mpeg", expires_in=60)
    assert (status_of(url), status_of(kept)) == (status, 200)
    provider.expire(kept)
    assert status_of(kept) == status
    assert provider.publish(name, "kept", DATA, "audio/mpeg") == kept
    assert status_of(kept) == 200


def test_all_files_can_expire_at_once(provider):
    urls = [provider.publish("suno", name, DATA, "audio/mpeg") for name in ("a.mp3", "b.mp3")]
    provider.expire("all")
    assert [status_of(url) for url in urls] == [403, 403]


def test_the_lifetime_of_the_server_counts_unless_a_file_has_its_own():
    with Provider(lifetime_s=-1) as provider:
        gone = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
        kept = provider.publish("suno", "b.mp3", DATA, "audio/mpeg", expires_in=60)
        assert (status_of(gone), status_of(kept)) == (403, 200)


def test_a_behaviour_ends_after_its_times(provider):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour("503", times=2))
    assert [status_of(url) for _ in range(4)] == [503, 503, 200, 200]


def test_a_behaviour_of_a_folder_holds_below_it_unless_a_path_has_its_own(provider):
    inside = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    special = provider.publish("suno", "b.mp3", DATA, "audio/mpeg")
    outside = provider.publish("mureka", "a.mp3", DATA, "audio/mpeg")
    provider.behave("/suno/", Behaviour("502"))
    provider.behave(special, Behaviour("410"))
    assert [status_of(url) for url in (inside, special, outside)] == [502, 410, 200]


@pytest.mark.parametrize("behaviour", ["403", "404", "410", "500", "502", "503", "429"])
def test_a_status_is_answered_with_or_without_a_file(provider, behaviour):
    provider.behave("/suno/none.mp3", Behaviour(behaviour))
    assert status_of(f"{provider.origin}/suno/none.mp3") == int(behaviour)


def test_an_unknown_path_is_404_even_when_told_to_be_well(provider):
    provider.behave("/suno/none.mp3", Behaviour("ok"))
    assert status_of(f"{provider.origin}/suno/none.mp3") == 404


@pytest.mark.parametrize("behaviour", ["truncated", "truncated_chunked", "reset"])
def test_a_broken_body_breaks_off(provider, behaviour):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour(behaviour))
    with pytest.raises((HTTPException, ConnectionError)):
        ask(url)


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (Behaviour("chunked"), DATA),
        (Behaviour("empty"), b""),
        (Behaviour("html200"), b"<html>Sorry</html>"),
        (Behaviour("json200"), b'{"detail": "not found"}'),
        (Behaviour("no_length", 100), DATA[:100]),
        (Behaviour("flipped", 0), b"\x01" + DATA[1:]),
        (Behaviour("slow", 10_000_000), DATA),
        (Behaviour("drip", 0.00001), DATA),
    ],
)
def test_a_body_that_ends_is_labelled_as_audio(provider, behaviour, expected):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    provider.behave(url, behaviour)
    response, body = ask(url)
    assert (response.status, response.headers["Content-Type"], body) == (200, "audio/mpeg", expected)


def test_the_forbidden_body_is_an_address(provider):
    provider.behave("/suno/a.mp3", Behaviour("forbidden_literal"))
    assert ask(f"{provider.origin}/suno/a.mp3")[1].endswith(b"/api/forbidden")


def test_a_wrong_type_keeps_the_bytes(provider):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour("wrong_type", "image/png"))
    response, body = ask(url)
    assert (response.headers["Content-Type"], body) == ("image/png", DATA)


def test_every_behaviour_answers_head_without_a_body_and_the_server_lives_on(provider):
    url = provider.publish("suno", "a.mp3", DATA[:20], "audio/mpeg")
    for name in BEHAVIOURS.keys() - {"slow_headers", "mute"}:
        provider.behave(url, Behaviour(name, times=1))
        with suppress(HTTPException, ConnectionError):  # an answer that is none is one of the behaviours
            assert ask(url, "HEAD")[1] == b"", name
    assert ask(url)[1] == DATA[:20]


def test_another_file_can_stand_in_under_the_same_label(provider):
    provider.publish("suno", "other.wav", DATA[:9], "audio/wav")
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour("instead", "/suno/other.wav"))
    response, body = ask(url)
    assert (response.headers["Content-Type"], body) == ("audio/mpeg", DATA[:9])


def test_a_chain_of_redirects_ends_at_the_file(provider):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    provider.behave(url, Behaviour("redirect_chain", 2))
    response, _ = ask(url)
    assert (response.status, response.headers["Location"]) == (302, "/suno/a.mp3?hop=1")


def test_requests_are_counted_and_kept_with_their_headers(provider):
    url = provider.publish("suno", "a.mp3", DATA, "audio/mpeg")
    ask(url, **{"X-Test": "1"})
    ask(url, "HEAD")
    ask(f"{provider.origin}/_control")
    assert provider.requests == {"/suno/a.mp3": 2}
    assert [(seen.method, seen.headers.get("x-test")) for seen in provider.log] == [
        ("GET", "1"),
        ("HEAD", None),
    ]


def test_chunks_spell_the_transfer_coding():
    assert chunked(b"abcde", 3) == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


def test_the_control_endpoint_does_what_the_methods_do(provider):
    wish = {"provider": "suno", "name": "a.mp3", "content_type": "audio/mpeg"}
    order(provider, {"publish": {**wish, "base64": base64.b64encode(DATA).decode()}})
    url = f"{provider.origin}/suno/a.mp3"
    assert ask(url)[1] == DATA
    status, state = order(provider, {"behave": {"path": "/suno/a.mp3", "as": "429", "argument": "9", "times": 1}})
    assert (status, state["behaviours"]["/suno/a.mp3"]["name"]) == (200, "429")
    assert ask(url)[0].headers["Retry-After"] == "9"
    order(provider, {"expire": "all"})
    assert status_of(url) == 403
    state = json.loads(ask(f"{provider.origin}/_control")[1])
    assert state["files"] == {"/suno/a.mp3": {"expired": True}}
    assert state["requests"] == {"/suno/a.mp3": 3}


@pytest.mark.parametrize(
    "wish",
    [
        {"behave": {"path": "/a", "as": "nonsense"}},
        {"behave": {"as": "404"}},
        {"publish": {"provider": "suno", "name": "a", "content_type": "x", "base64": "?"}},
        {"publish": {"provider": "suno", "base64": ""}},
        {"publish": []},
        {"dance": True},
        {},
        [],
        "behave",
        7,
    ],
    ids=json.dumps,
)
def test_an_order_without_sense_is_refused(provider, wish):
    status, answer = order(provider, wish)
    assert (status, "error" in answer) == (400, True)


def test_orders_go_to_the_control_endpoint_only(provider):
    assert ask(f"{provider.origin}/suno/a.mp3", "POST", b"{}")[0].status == 404


def test_a_directory_is_served_and_nothing_beside_it(tmp_path):
    served = tmp_path / "served"
    (served / "mureka").mkdir(parents=True)
    (served / "mureka" / "a b.mp3").write_bytes(DATA)
    (tmp_path / "secret").write_bytes(b"secret")
    (served / "link").symlink_to(tmp_path / "secret")
    with Provider(directory=served) as provider:
        response, body = ask(f"{provider.origin}/mureka/a%20b.mp3")
        assert (response.headers["Content-Type"], body) == ("audio/mpeg", DATA)
        for path in (
            "/../secret",
            "/%2e%2e/secret",
            "/mureka/..%2f..%2fsecret",
            "/link",
            "/mureka",
            "/",
            "/a%00b",
        ):
            assert status_of(provider.origin + path) == 404


def test_the_program_serves_a_directory_and_stops_when_told(tmp_path):
    (tmp_path / "suno").mkdir()
    (tmp_path / "suno" / "a.mp3").write_bytes(DATA)
    command = [sys.executable, "-m", "deploy.demo.provider", "--port", "0", "--directory", str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as program:
        origin = program.stdout.readline().split()[0]
        assert ask(f"{origin}/suno/a.mp3")[1] == DATA
        program.terminate()
        assert program.wait(10) == 0
