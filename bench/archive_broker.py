#!/usr/bin/env python3
"""Ten thousand due files, a broker that is emptied in the middle and then killed with all its data: nothing is lost.

Real archiver and beat as `bin/up` starts them, a Valkey of their own, PostgreSQL, a folder as the store and a provider
on loopback. Makes a database beside the one of DATABASE_URL, and drops it. Goals: all files archived, none twice, none
with wrong bytes; after the restart nothing stands still for longer than two sweeps, and all is done within these and
the time that the rest takes at the rate of before. Exit code 1 when one is missed.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("LOG_LEVEL", "CRITICAL")

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402

from bench.archive_kills import settle_in  # noqa: E402
from bench.measure import Goals  # noqa: E402
from deploy.demo.provider import Provider  # noqa: E402
from tests import make  # noqa: E402
from tests.faults import promises, sweep  # noqa: E402
from tests.faults.broker import Site, archived, doubles  # noqa: E402

FILES, AWAY_S, TWO_SWEEPS_S = 10_000, 30, 120
LOOK_S = 0.5
TOLD_S = 30


class Watch:
    """How many are archived as time goes by, and the longest that nothing was although something was due."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.began, self.still, self._told = time.monotonic(), 0.0, 0.0
        self._done, self._moved = archived(), time.monotonic()

    def until(self, number: int) -> int:
        """Look until so many are archived; how many are."""
        while self._done < number:
            time.sleep(LOOK_S)
            self._site.watch()
            now, done = time.monotonic(), archived()
            if done > self._done:
                self._moved = now
            self._done, self.still = done, max(self.still, now - self._moved)
            if now - self._told > TOLD_S:
                self._told = now
                print(f"  {now - self.began:5.0f} s  {done} archived", file=sys.stderr, flush=True)
            if self.still > 3 * TWO_SWEEPS_S:
                raise SystemExit(f"nothing was archived for {self.still:.0f} s")
        return self._done

    def begin(self) -> None:
        self.began = self._moved = time.monotonic()
        self.still = 0.0

    def seconds(self) -> float:
        return time.monotonic() - self.began


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=FILES, help="due files (%(default)s)")
    chosen = options.parse_args()
    database = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with tempfile.TemporaryDirectory() as folder, Provider() as provider:
            settle_in(Path(folder), provider.origin)
            return bool(lost_broker(Path(folder), provider, chosen.files).missed)
    finally:
        connection.creation.destroy_test_db(database, verbosity=0)


def lost_broker(folder: Path, provider: Provider, files: int) -> Goals:
    began, owner, goals = time.monotonic(), make.make_user("ana"), Goals()
    for _ in range(files):
        sweep.small(provider, owner, cover=False)
    size = len(next(iter(sweep.published.values())))
    print(f"{files} files of {size} bytes are due at once; made in {time.monotonic() - began:.0f} s")
    with Site(folder / "var", provider.origin) as site:
        watch = Watch(site)
        watch.until(1)
        watch.begin()
        done = watch.until(files // 3)
        print(f"FLUSHALL after {watch.seconds():.0f} s, {done} archived")
        site.flush_broker()
        done = watch.until(files // 2)
        rate = done / watch.seconds()
        print(f"kill -9 of the broker after {watch.seconds():.0f} s, {done} archived, {rate:.1f} a second so far")
        site.kill_broker()
        time.sleep(AWAY_S)
        site.start_broker()
        watch.begin()
        left = files - archived()
        print(f"started again {AWAY_S} s later without any data, {left} not archived")
        watch.until(files)
        took, allowed, deaths = watch.seconds(), TWO_SWEEPS_S + left / rate, site.deaths()
    print(f"the rest took {took:.0f} s; longest time in which nothing was archived: {watch.still:.0f} s")
    kept, twice = promises.kept(sweep.published), doubles()
    asked = provider.requests
    print(f"{kept.archived} archived, {kept.lost} lost, {kept.wrong} wrong, {kept.without_bytes} without bytes,")
    print(f"{twice} archived or claimed twice, {sum(asked.values()) - len(asked)} requests too many")
    goals.check("nothing lost, nothing wrong", kept.sound and kept.archived == files)
    goals.check(f"archiver and beat live on ({deaths} deaths)", deaths == 0)
    goals.check("nothing twice", twice == 0 and sum(asked.values()) == len(asked) == files)
    goals.check(f"done within two sweeps and the time for the rest ({allowed:.0f} s)", took <= allowed)
    goals.check("never still for longer than two sweeps", watch.still <= TWO_SWEEPS_S)
    return goals


if __name__ == "__main__":
    sys.exit(main())
