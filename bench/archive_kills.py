#!/usr/bin/env python3
"""Workers of the archive ended by SIGKILL: at every named point of an archiving, and one of two at random moments.

Real workers, PostgreSQL, a folder as the store and a provider that goes on serving. Makes a database beside the one of
DATABASE_URL, and drops it. Goals: nothing lost, no wrong byte, no row without bytes, the ledger agrees, nothing open;
at most one orphan a kill, and none after the sweep of orphans; an empty spool after its sweep. With `--sweep` every
call of an archiving fails once instead, in each of five ways. Exit code 1 when a goal is missed.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
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
from tests.faults import kills, promises, sweep  # noqa: E402
from tests.faults.workers import Workers  # noqa: E402

TIMES, RANDOM = 25, 2000
SHOWN = 50


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--times", type=int, default=TIMES, help="kills at each named point (%(default)s)")
    options.add_argument("--random", type=int, default=RANDOM, help="kills at random moments (%(default)s)")
    options.add_argument("--seed", type=int, default=1, help="of the moments (%(default)s)")
    options.add_argument("--sweep", action="store_true", help="instead: every call fails once, in each way")
    chosen = options.parse_args()
    database = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with tempfile.TemporaryDirectory() as folder, Provider() as provider:
            settle_in(Path(folder), provider.origin)
            with Workers(provider.origin) as workers:
                goals = _swept(provider, workers) if chosen.sweep else _killed(provider, workers, chosen)
            return bool(goals.missed)
    finally:
        connection.creation.destroy_test_db(database, verbosity=0)


def settle_in(folder: Path, origin: str) -> None:
    settings.SPOOL, settings.SPOOL_RESERVE_BYTES, settings.FETCH_ORIGINS = folder / "spool", 0, (origin,)
    settings.ARCHIVE_TRIES = 1
    blobs = storage_url.backend_from_url(f"file://{folder / 'blobs'}")
    settings.STORAGES = {**settings.STORAGES, "blobs": blobs}
    storages._backends = None
    storages._storages.clear()
    storages.__dict__.pop("backends", None)


def _killed(provider: Provider, workers: Workers, chosen: argparse.Namespace) -> Goals:
    goals, owner = Goals(), make.make_user("ana")
    if chosen.times:
        named = kills.at_points(provider, owner, workers, kills.POINTS, chosen.times, told=_told)
        for point in kills.POINTS:
            print(f"  {named.reached[point]:6}  {point}")
        _report(goals, f"{chosen.times} kills at each of {len(kills.POINTS)} named points", named)
        _nothing_left(goals)
        goals.check("every point was reached every time", set(named.reached.values()) == {chosen.times})
    if chosen.random:
        any_ = kills.at_random(provider, owner, workers, chosen.random, seed=chosen.seed, told=_told)
        _report(goals, f"{chosen.random} kills of one of two workers at random", any_)
        _nothing_left(goals)
    return goals


def _swept(provider: Provider, workers: Workers) -> Goals:
    goals, owner = Goals(), make.make_user("ana")
    names = sweep.calls(provider, owner)
    print(f"{len(names)} calls, by what they call: {dict(Counter(name.partition(':')[0] for name in names))}")
    for fault in (*sweep.RAISED, *sweep.KILLED):
        began = time.monotonic()
        found = sweep.swept(
            provider, owner, fault, names, workers=workers if fault in sweep.KILLED else None, told=_told
        )
        print(f"{fault}: {len(found.failed)} calls failed in {found.runs} runs, {time.monotonic() - began:.0f} s")
        for name, kept in found.broken.items():
            print(f"  {name}: {kept}")
        goals.check(f"every call was reached {found.missed or ''}".strip(), not found.missed)
        goals.check("the promises hold after each", not found.broken)
        goals.check(f"at most one orphan a fault ({found.most_orphans})", found.most_orphans <= 1)
    _nothing_left(goals)
    return goals


def _nothing_left(goals: Goals) -> None:
    goals.check(f"{promises.orphans_left()} orphans after their sweep", not promises.orphans())
    goals.check("the spool is empty after its sweep", promises.spool_left() == 0)


def _told(done: int) -> None:
    if done % SHOWN == 0:
        print(f"  {done}", file=sys.stderr, flush=True)


def _report(goals: Goals, what: str, result: kills.Result) -> None:
    print(f"{what}: {result.kills} workers died in {result.seconds:.0f} s")
    print(
        f"  {result.kept.archived} files archived, {result.crashes} crashes counted, {result.quarantined} quarantined"
    )
    for broken in result.broken:
        print(f"  {broken}")
    goals.check(str(result.kept), result.kept.sound)
    goals.check("whatever lay there held at every moment", not result.broken)
    orphans = max(result.orphans, result.orphans_after)
    goals.check(f"at most one orphan a kill ({result.orphans} at most, {result.orphans_after} in the end)",
                orphans <= result.kills)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
