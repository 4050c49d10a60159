#!/usr/bin/env python3
"""Workers of the archive ended by SIGKILL: at every named point of an archiving, and two at once at random moments.

Real workers, PostgreSQL, a folder as the store and a provider that goes on serving. Makes a database beside the one of
DATABASE_URL, and drops it. Goals: nothing lost, no wrong byte, no row without bytes, nothing open, at most one orphan a
kill, an empty spool after its sweep. Exit code 1 when one is missed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("LEASE_SECONDS", "3")
os.environ.setdefault("LOG_LEVEL", "CRITICAL")

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.files.storage import storages  # noqa: E402
from django.db import connection  # noqa: E402

from apps.lib import storage_url  # noqa: E402
from bench.measure import Goals  # noqa: E402
from deploy.demo.provider import Provider  # noqa: E402
from tests import make  # noqa: E402
from tests.faults import kills, promises  # noqa: E402
from tests.faults.workers import Workers  # noqa: E402

TIMES, RANDOM = 25, 2000
SHOWN = 50


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--times", type=int, default=TIMES, help="kills at each named point (%(default)s)")
    options.add_argument("--random", type=int, default=RANDOM, help="kills at random moments (%(default)s)")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    database = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with tempfile.TemporaryDirectory() as folder, Provider() as provider:
            settle_in(Path(folder), provider.origin)
            return _killed(provider, chosen)
    finally:
        connection.creation.destroy_test_db(database, verbosity=0)


def settle_in(folder: Path, origin: str) -> None:
    settings.SPOOL, settings.SPOOL_RESERVE_BYTES, settings.FETCH_ORIGINS = folder / "spool", 0, (origin,)
    blobs = storage_url.backend_from_url(f"file://{folder / 'blobs'}")
    settings.STORAGES = {**settings.STORAGES, "blobs": blobs}
    storages._backends = None
    storages._storages.clear()
    storages.__dict__.pop("backends", None)


def _killed(provider: Provider, chosen: argparse.Namespace) -> int:
    goals, owner = Goals(), make.make_user("ana")
    names = kills.points(provider, owner)
    print(f"{len(names)} named points")
    with Workers(provider.origin) as workers:
        named = kills.at_points(provider, owner, workers, chosen.times, told=_told)
        _report(goals, f"{chosen.times} kills at each of {len(names)} named points", named, before=0)
        any_ = kills.at_random(provider, owner, workers, chosen.random, seed=chosen.seed, told=_told)
        _report(goals, f"{chosen.random} kills of one of two workers at random", any_, before=named.kept.orphans)
    goals.check("the spool is empty after its sweep", promises.spool_left() == 0)
    return bool(goals.missed)


def _told(done: int) -> None:
    if done % SHOWN == 0:
        print(f"  {done} kills", file=sys.stderr, flush=True)


def _report(goals: Goals, what: str, result: kills.Result, *, before: int) -> None:
    kept, orphans = result.kept, result.kept.orphans - before
    print(f"{what}: {result.kills} workers died in {result.seconds:.0f} s")
    print(f"  {kept.archived} files archived, {orphans} orphans")
    found = f"{kept.lost} lost, {kept.wrong} wrong, {kept.without_bytes} without bytes, {kept.open} open"
    goals.check(found, kept.sound)
    goals.check("at most one orphan a kill", orphans <= result.kills)


if __name__ == "__main__":
    sys.exit(main())
