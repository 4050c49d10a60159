"""One short call to an address that the operator chose: a dead man's switch, a webhook. No redirects, no proxies.

The operator may name a host of the own network, so the rules of `fetch` for addresses of others do not hold here.
"""

import hashlib
import hmac
import queue
import threading
import time

import httpx

DEADLINE_S = 5.0


class CallFailed(Exception):
    """Nobody answered in time, or with another status than 2xx. Names neither path nor query: they may be secret."""


def call(url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> None:
    """GET the address, or POST the body to it, in five seconds all in all; of the answer only the status is read."""
    told: queue.SimpleQueue[int | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            told.put(_status(url, body, headers or {}))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as failure:
            told.put(failure)

    # One that sends a byte at a time is left behind: a request's own time limits begin anew with every byte.
    threading.Thread(target=ask, name="calling", daemon=True).start()
    try:
        answer = told.get(timeout=DEADLINE_S)
    except queue.Empty:
        raise CallFailed("no answer in time") from None
    if isinstance(answer, Exception):
        raise CallFailed(type(answer).__name__) from answer
    if not 200 <= answer < 300:
        raise CallFailed(f"status {answer}")


def _status(url: str, body: bytes | None, headers: dict[str, str]) -> int:
    method = "GET" if body is None else "POST"
    with (
        httpx.Client(timeout=DEADLINE_S, follow_redirects=False, trust_env=False) as client,
        client.stream(method, url, content=body, headers={"User-Agent": "keeptrack", **headers}) as answer,
    ):
        return answer.status_code


def signature(body: bytes, secret: str, *, at: float | None = None) -> str:
    """`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`, so that an old message cannot be sent again."""
    moment = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
