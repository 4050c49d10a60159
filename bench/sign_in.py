#!/usr/bin/env python3
"""Whether a clock tells a known e-mail address from an unknown one: both are asked for, interleaved, rank-tested.

At the door `sign-in` with wrong passwords, at `sign-up` and at `reset` by asking. With `--fillers N`, N sign-ups of
unknown addresses start at the same moment as each attempt and compete with it: work that a whole step hides on an idle
machine may push an attempt into the next step on a busy one. Letters stay in the database of the site: measure an own.

Give the address of a running site, started with the same DATABASE_URL and SECRET_KEY and with BEHIND_PROXY=1; without
one the site runs in this process. Every attempt has an e-mail address of its own and, by X-Forwarded-For, comes from an
address of its own, so that neither lock-out nor rate limits meet any of them. The accounts are made before and removed
afterwards. Exit code 1 when the times differ at p < 0.01, 2 when an answer was not the usual one.
"""

import argparse
import http.client
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
# Where each door is, and what it answers.
PATHS = {
    "sign-in": ("/_allauth/browser/v1/auth/login", 400),
    "sign-up": ("/_allauth/browser/v1/auth/signup", 401),
    "reset": ("/_allauth/browser/v1/auth/password/request", 200),
}
CONFIG = "/_allauth/browser/v1/config"
WHERE = "bench-sign-in.invalid"
FIRST_FILLER = 10_000
Ask = Callable[[str, int, str], int]


class Unusual(Exception):
    """An answer that is not the door's usual one."""


def main() -> int:
    options = arguments()
    if not options.url:
        os.environ["BEHIND_PROXY"] = "1"
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    with Accounts(options.n, options.old):
        try:
            known, unknown = measure(options)
        except Unusual as unusual:
            print(f"an attempt was answered with {unusual}: its time means nothing", file=sys.stderr)
            return 2
    p = rank_test(known, unknown)
    for name, times in (("known", known), ("unknown", unknown)):
        print(f"{name:8} n {len(times)}   median {np.median(times):9.3f} ms   mean {times.mean():9.3f} ms")
    print(f"Mann-Whitney p = {p:.4f}: {'the clock tells them apart' if p < 0.01 else 'no difference found'}")
    return int(p < 0.01)


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", default="", help="a running site; without one it runs in this process")
    options.add_argument("-n", type=int, default=500, help="attempts of each kind (500)")
    options.add_argument("--parallel", type=int, default=4, help="attempts at the same time (4)")
    options.add_argument("--door", choices=PATHS, default="sign-in", help="where addresses are asked for (sign-in)")
    options.add_argument("--fillers", type=int, default=0, help="sign-ups beside each attempt (0); one at a time then")
    options.add_argument("--old", action="store_true", help="the known accounts have an old bcrypt hash")
    return options.parse_args()


class Accounts:
    """As many as there are attempts, all with one password, whose hash is made once."""

    def __init__(self, number: int, old: bool):
        self.number, self.old = number, old

    def __enter__(self) -> None:
        import bcrypt
        from allauth.account.models import EmailAddress
        from django.contrib.auth.hashers import make_password

        from apps.accounts.models import User

        self.remove()
        hashed = (
            bcrypt.hashpw(b"not this one", bcrypt.gensalt(10)).decode() if self.old else make_password("not this one")
        )
        users = [User(email=email(n, "known"), password=hashed) for n in range(self.number)]
        User.objects.bulk_create(users)
        EmailAddress.objects.bulk_create(
            EmailAddress(user=u, email=u.email, verified=True, primary=True) for u in users
        )

    def __exit__(self, *error) -> None:
        self.remove()

    def remove(self) -> None:
        from apps.accounts.models import Lockout, User

        User.objects.filter(email__endswith=f"@{WHERE}").delete()
        Lockout.objects.filter(email__endswith=f"@{WHERE}").delete()


def email(number: int, kind: str) -> str:
    """Of one length, known or not."""
    return f"{kind[:2]}{number:06}@{WHERE}"


def measure(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds for each attempt, in a random order that mixes both kinds."""
    attempts = [(n, kind) for n in range(options.n) for kind in ("known", "unknown")]
    random.shuffle(attempts)
    parallel = 1 if options.fillers else options.parallel
    shares = [attempts[start::parallel] for start in range(parallel)]

    def work(share: list[tuple[int, str]]) -> list[tuple[str, float]]:
        found = []
        with Beside(options) as beside:
            ask = open_door(options.url)
            for n, kind in share:
                number = 2 * n + (kind == "known")
                beside.start(number)
                started = time.perf_counter()
                status = ask(options.door, number, email(n, kind))
                found.append((kind, (time.perf_counter() - started) * 1000))
                beside.wait()
                if status != PATHS[options.door][1]:
                    raise Unusual(status)
        return found

    with ThreadPoolExecutor(parallel) as pool:
        times = [each for share in pool.map(work, shares) for each in share]
    return tuple(np.array([ms for kind, ms in times if kind == wanted]) for wanted in ("known", "unknown"))


class Beside:
    """The fillers: sign-ups of addresses that nobody has, one connection each."""

    def __init__(self, options: argparse.Namespace):
        self.asks = [open_door(options.url) for _ in range(options.fillers)]
        self.pool, self.running = ThreadPoolExecutor(max(1, options.fillers)), []

    def __enter__(self) -> "Beside":
        return self

    def __exit__(self, *error) -> None:
        self.pool.shutdown()

    def start(self, number: int) -> None:
        own = [FIRST_FILLER + number * len(self.asks) + n for n in range(len(self.asks))]
        tasks = [(ask, "sign-up", n, email(n, "filler")) for ask, n in zip(self.asks, own, strict=True)]
        self.running = [self.pool.submit(*task) for task in tasks]

    def wait(self) -> None:
        if wrong := {each.result() for each in self.running} - {PATHS["sign-up"][1]}:
            raise Unusual(wrong)


def open_door(url: str) -> Ask:
    return over_http(url) if url else in_process()


def place(number: int) -> str:
    """An address of the network for benchmarks, 198.18.0.0/15, one for each attempt."""
    return f"198.{18 + number // 65536}.{number // 256 % 256}.{number % 256}"


def body(door: str, address: str) -> str:
    return json.dumps({"email": address} if door == "reset" else {"email": address, "password": "a wrong password"})


def over_http(url: str) -> Ask:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=60)
    connection.request("GET", CONFIG)
    answer = connection.getresponse()
    answer.read()
    token = answer.headers["Set-Cookie"].partition("csrftoken=")[2].partition(";")[0]

    def ask(door: str, number: int, address: str) -> int:
        headers = {"Content-Type": "application/json", "Cookie": f"csrftoken={token}", "X-CSRFToken": token,
                   "X-Forwarded-For": place(number)}  # fmt: skip
        connection.request("POST", PATHS[door][0], body(door, address), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    return ask


def in_process() -> Ask:
    from django.test import Client

    client = Client(HTTP_HOST="127.0.0.1")

    def ask(door: str, number: int, address: str) -> int:
        more = {"content_type": "application/json", "HTTP_X_FORWARDED_FOR": place(number)}
        return client.post(PATHS[door][0], body(door, address), **more).status_code

    return ask


def rank_test(some: np.ndarray, others: np.ndarray) -> float:
    """Mann-Whitney's U, two-sided, by its normal approximation, which holds from a few dozen on; ties share a rank."""
    values, positions, counts = np.unique(np.concatenate([some, others]), return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts - 1) / 2
    n, m = len(some), len(others)
    u = shared[positions][:n].sum() - n * (n + 1) / 2
    total = n + m
    ties = (counts**3 - counts).sum() / (total * (total - 1))
    deviation = math.sqrt(n * m / 12 * (total + 1 - ties))
    return math.erfc(abs(u - n * m / 2) / deviation / math.sqrt(2)) if deviation else 1.0


if __name__ == "__main__":
    sys.exit(main())
