"""A request's body in pieces, behind a real gunicorn: framed either way, silent, slow, gone."""

import hashlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections import deque

import pytest
from django.core.handlers.wsgi import WSGIRequest

from apps.lib.incoming import BUFFER, BUFFERS, MOMENTS, Body, Pace, Silent
from deploy.local import ports

MOMENT, LONGEST = 0.2, 2.0


def application(environ, start_response):
    """Answers with what it read: how many bytes, how often nothing came, how long the body said it is.

    And whether chunks broke; the hash of all, and in how many buffers it lay. `?n` is how many bytes it asks for at a time.
    """
    read = silent = 0
    kept, buffers, digest = deque(maxlen=BUFFERS), set(), hashlib.sha256()
    with Body(WSGIRequest(environ), moment=MOMENT, longest=LONGEST) as body:
        while True:
            if len(kept) == BUFFERS:  # good until now
                digest.update(kept.popleft())
            try:
                data = body.read(int(environ["QUERY_STRING"] or 1000))
            except Silent:
                silent += 1
                continue
            if not data:
                break
            read += len(data)
            kept.append(data)
            buffers.add(id(data.obj) if isinstance(data, memoryview) else None)
    for data in kept:
        digest.update(data)
    start_response("200 OK", [("Content-Type", "application/json")])
    broken = body.length is None and body.is_broken
    return [json.dumps([read, silent > 0, body.length, broken, digest.hexdigest(), len(buffers - {None})]).encode()]


@pytest.fixture(scope="module")
def port():
    free = ports.free_port(start=18750)
    command = ["gunicorn", "tests.lib.test_incoming:application", "--no-control-socket", "--worker-class", "gthread"]
    server = subprocess.Popen([sys.executable, "-m", *command, "--threads", "4", "--bind", f"127.0.0.1:{free}"])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", free)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield free
    finally:
        server.terminate()
        server.wait(10)


def ask(port: int, head: str, *parts: bytes | float, half: bool = False) -> list:
    return said(port, head, *parts, half=half)[:4]


def said(port: int, head: str, *parts: bytes | float, half: bool = False, at_a_time: int | str = "") -> list:
    """Sends the parts, pausing where one is a number; `half` closes the sending side afterwards."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(f"PATCH /?{at_a_time} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n".encode())
        for part in parts:
            time.sleep(part) if isinstance(part, float) else wire.sendall(part)
        if half:
            wire.shutdown(socket.SHUT_WR)
        answer = b""
        while more := wire.recv(10_000):
            answer += more
    body = answer.partition(b"\r\n\r\n")[2]
    return json.loads(body[body.index(b"[") : body.rindex(b"]") + 1])


def test_a_body_of_known_length_is_read_to_its_end(port):
    assert ask(port, "Content-Length: 5000", b"x" * 5000) == [5000, False, 5000, False]


def test_chunks_are_read_to_the_last_one(port):
    chunks = b"3e8\r\n" + b"x" * 1000 + b"\r\n2\r\nyz\r\n0\r\n\r\n"
    assert ask(port, "Transfer-Encoding: chunked", chunks) == [1002, False, None, False]


@pytest.mark.parametrize("at_a_time", [1000, 16_384, BUFFER, 2 * BUFFER])
@pytest.mark.parametrize("head", [0, 7, 5000])
def test_much_is_read_as_it_was_sent_into_a_few_buffers(port, head, at_a_time):
    """Whatever of it came with the head."""
    data = os.urandom(3 * BUFFER + 77)
    parts = [data] if not head else [data[:head], 0.05, data[head:]]
    read = said(port, f"Content-Length: {len(data)}", *parts, at_a_time=at_a_time)
    assert read[:5] == [len(data), False, len(data), False, hashlib.sha256(data).hexdigest()]
    assert 1 <= read[5] <= BUFFERS


def test_what_follows_a_body_on_its_connection_is_the_next_request(port):
    data = os.urandom(100_000)
    head = f"PATCH /?9999 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(f"{head}\r\n".encode() + data + f"{head}Connection: close\r\n\r\n".encode() + data)
        answers = b""
        while more := wire.recv(10_000):
            answers += more
    assert answers.count(hashlib.sha256(data).hexdigest().encode()) == 2


def test_no_body_is_an_end_at_once(port):
    assert ask(port, "Content-Length: 0") == [0, False, 0, False]


@pytest.mark.parametrize("cut", [0, 1, 999, 1000, 1500, 4999])
def test_a_peer_that_goes_away_is_an_end(port, cut):
    assert ask(port, "Content-Length: 5000", b"x" * cut, half=True) == [cut, False, 5000, False]


def test_a_silence_is_told_and_nothing_is_lost(port):
    """Also what came of a piece before the silence."""
    sent = (b"x" * 1300, MOMENT * 3, b"y" * 200, MOMENT * 3, b"z" * 3500)
    assert ask(port, "Content-Length: 5000", *sent) == [5000, True, 5000, False]


def test_chunks_wait_longer_and_then_they_are_broken_and_nothing_is_lost(port):
    """What gunicorn read of a chunk and could not give yet is there all the same."""
    begun = b"1388\r\n" + b"x" * 1300
    rest = b"y" * 3700 + b"\r\n0\r\n\r\n"
    assert ask(port, "Transfer-Encoding: chunked", begun, MOMENT * 2, rest) == [5000, False, None, False]
    assert ask(port, "Transfer-Encoding: chunked", begun, MOMENT * MOMENTS * 2) == [1300, False, None, True]


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\nzz\r\n", b"\r\n-1\r\n", b"no end"])
def test_chunks_that_end_as_they_should_not_are_broken(port, end):
    sent = b"5dc\r\n" + b"x" * 1500 + end
    assert ask(port, "Transfer-Encoding: chunked", sent, half=True) == [1500, False, None, True]


@pytest.mark.parametrize("head", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
def test_who_sends_a_byte_now_and_then_holds_no_reading(port, head):
    """Each byte comes in time, and the reading waits for a thousand of them."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(f"PATCH / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        wire.sendall(b"1388\r\n" if "chunked" in head else b"x")
        for _ in range(100):
            if select.select([wire], [], [], MOMENT / 2)[0]:
                break
            wire.sendall(b"x")
        else:
            pytest.fail("it still waits")


def test_who_sends_nothing_or_next_to_nothing_is_lost():
    assert not Pace(silence=60, rate=1).is_lost
    silent = Pace(silence=0, rate=0)
    time.sleep(0.01)
    assert silent.is_lost
    slow = Pace(silence=0.05, rate=1_000_000)
    for _ in range(4):
        time.sleep(0.03)
        slow.came(10)
    assert slow.is_lost
    quick = Pace(silence=0.05, rate=10)
    for _ in range(4):
        time.sleep(0.03)
        quick.came(1000)
    assert not quick.is_lost
