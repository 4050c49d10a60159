"""What lies in a store and no row names, and what a row names and no store has: both found by listing the stores.

Bytes come before rows, so a crash leaves an object without a row, or a file that was not written to its end. It costs
space and nothing else, and goes after two days.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from django.core.cache import cache
from redis import RedisError

from apps.archive import scrubbing
from apps.catalog import files
from apps.catalog.models import Blob
from apps.catalog.sweeper import KEPT
from apps.lib import clock, locks, storage
from apps.lib.storage import MAIN, Lying, StorageFailed

log = logging.getLogger(__name__)

SHARDS = 256
LAST = "archive.orphans"
NO_END = float("inf")


@dataclass
class Found:
    """What lies in one place. Orphans and half-written files are counted from their first day and removed from their
    third on; `strange` names are nobody's and left alone; `damaged` are rows whose bytes are missing or cut.
    """

    objects: int = 0
    orphans: int = 0
    half_written: int = 0
    strange: int = 0
    removed: int = 0
    bytes_removed: int = 0
    damaged: int = 0
    shards: int = 0


def sweep(
    *,
    now: dt.datetime | None = None,
    seconds: float = NO_END,
    place: str = "",
    remove: bool = True,
    told: Callable[[dict[str, Found]], None] | None = None,
) -> dict[str, Found]:
    """List each place shard by shard and put right what is found; by place.

    A pass that its time cuts short begins elsewhere the next day, so that every shard has its turn.
    """
    found = {name: Found() for name in storage.places() if place in ("", name)}
    _pass(found, now or clock.now(), time.monotonic() + seconds, remove, told)
    with suppress(RedisError):  # they are told of, and nothing more
        for name, one in found.items():
            cache.set(f"{LAST}.{name}", asdict(one), None)
    return found


def last() -> dict[str, dict]:
    """What the last sweep of each place found, by place; nothing of it while the cache is new."""
    kept = {}
    with suppress(RedisError):
        kept = cache.get_many([f"{LAST}.{name}" for name in storage.places()])
    return {key.removeprefix(f"{LAST}."): found for key, found in kept.items()}


def _pass(found: dict[str, Found], now: dt.datetime, until: float, remove: bool, told) -> None:
    away: set[str] = set()
    for number in range(SHARDS):
        shard = f"{(now.toordinal() * 37 + number) % SHARDS:02x}"
        for name in found:
            if time.monotonic() > until:
                return
            if name in away:
                continue
            try:
                _sweep_shard(shard, name, now, remove, found[name])
            except StorageFailed as failure:
                log.warning("orphans in %s were not looked for: %s", name, failure.message)
                away.add(name)
            if told is not None:
                told(found)


def _sweep_shard(shard: str, place: str, now: dt.datetime, remove: bool, found: Found) -> None:
    # Rows first: what is stored meanwhile is then expected by nobody, and too young to be swept.
    rows = list(Blob.objects.filter(sha256__startswith=shard).values_list("key", "size", "copied_at"))
    known = {key for key, _, _ in rows}
    expected = {key: size for key, size, copied_at in rows if place == MAIN or copied_at}
    for lying in storage.listed(shard, place=place):
        if lying.name not in known:
            _nobodys(lying, place, now, remove, found)
            continue
        found.objects += 1
        if expected.get(lying.name) == lying.size:
            del expected[lying.name]
    for blob in Blob.objects.filter(key__in=expected):
        found.damaged += scrubbing.attend(blob, [place], now=now, repair=remove).damaged
    found.shards += 1


def _nobodys(lying: Lying, place: str, now: dt.datetime, remove: bool, found: Found) -> None:
    old = remove and lying.since <= now - KEPT
    if lying.half_written:
        found.half_written += 1
        gone = old and not storage.remove_half_written(lying, place=place)
    elif storage.is_key(lying.name):
        orphan, gone = _orphan_removed(lying, place, old)
        found.orphans += orphan
        found.objects += not orphan
    else:
        found.strange += 1
        return
    if gone:
        found.removed += 1
        found.bytes_removed += lying.size


def _orphan_removed(lying: Lying, place: str, old: bool) -> tuple[bool, bool]:
    """Whether it is an orphan, and whether it went. Who stores the same bytes holds their name until the row is there:
    then it is left alone, and looked at again after that it has its row."""
    sha256 = lying.name.rpartition("/")[2]
    with locks.alone(files.content(sha256)) as mine:
        if Blob.objects.filter(sha256=sha256).exists():
            return False, False
        if old and mine:
            storage.remove(lying.name, place=place)
        return True, old and mine
