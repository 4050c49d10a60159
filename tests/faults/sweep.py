"""One archiving, audio and cover, as often as it makes calls: in the n-th of them the n-th call fails (P3)."""

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from django.conf import settings
from django.core.files.storage import storages
from django.db import connections

from apps.archive import schedule, working
from apps.archive.models import ArchiveAsset, ArchiveHost
from apps.archive.orphans import SHARDS
from apps.catalog.models import Track
from apps.lib import folders, storage
from deploy.demo import synth
from deploy.demo.provider import Provider
from tests.archive.world import at_provider
from tests.faults import promises
from tests.faults.calls import LEASES, Script, broken, late, watched
from tests.faults.workers import Workers
from tests.make import audio

# How a call fails, and whether before it reached the other side or after.
RAISED = {"break": (broken, "before"), "silence": (late, "before"), "lost answer": (broken, "after")}
KILLED = {"kill": "before", "kill after": "after"}
AGAIN = 3
# Made by chance: an answer comes in one piece or in two, and the second file is settled by the thread that settled the
# first or by one that has yet to connect. Such a call is looked for again, and may miss.
BY_CHANCE = (": read answer ", "cover: connect database")
published: dict[str, str] = {}  # the SHA-256 of what stands at each URL
_numbers = itertools.count(1)


@dataclass
class Swept:
    """What became of the calls: those that failed, of them those that ended the run and those that left a row to its
    lease; broken promises, by call; and the most orphans that one fault left."""

    runs: int = 0
    failed: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)
    most_orphans: int = 0


def small(provider: Provider, owner, *, cover: bool = True) -> Track:
    """A planned track of little data; no two have the same bytes."""
    number = next(_numbers)
    sound = audio("mp3", 0.5) + b"TAG" + f"{number:0125}".encode()
    picture = _cover()[:2] + b"\xff\xfe\x00\x12" + f"{number:016}".encode() + _cover()[2:]
    track = at_provider(provider, owner, data=sound, cover=cover, picture=picture)
    for url, data in zip(track.source.urls().values(), (sound, picture), strict=False):
        published[url] = hashlib.sha256(data).hexdigest()
    schedule.plan_tracks([track])
    return track


def make_shards() -> None:
    """All folders of the store, so that it is no chance whether an archiving makes one."""
    for number in range(SHARDS):
        folders.make(Path(storages["blobs"].location, "blobs", "sha256", f"{number:02x}"))


_pictures: list[bytes] = []


def _cover() -> bytes:
    if not _pictures:
        _pictures.append(synth.cover_jpeg(1, size=64))
    return _pictures[0]


def calls(provider: Provider, owner) -> list[str]:
    """The calls of an archiving that meets no fault, as it comes by them; not of the first, which makes folders."""
    make_shards()
    for _ in range(2):
        script = Script()
        ArchiveHost.objects.all().delete()
        _one_run(small(provider, owner), script)
    return [name for name in script.names if not name.startswith(LEASES)]


def swept(
    provider: Provider,
    owner,
    fault: str,
    names: list[str],
    *,
    workers: Workers | None = None,
    told: Callable[[int], None] = lambda done: None,
) -> Swept:
    """Make each of the calls fail once, in an archiving of its own; whatever became of it is worked off to the end, and
    the promises are looked at. `workers` are the ones to be killed."""
    found = Swept()
    for number, name in enumerate(names, 1):
        reached = any(_fails(provider, owner, fault, name, workers, found) for _ in range(AGAIN))
        if not reached and not any(words in name for words in BY_CHANCE):
            found.missed.append(name)
        told(number)
    return found


def _fails(provider: Provider, owner, fault: str, name: str, workers: Workers | None, found: Swept) -> bool:
    found.runs += 1
    ArchiveHost.objects.all().delete()  # what is noted of a host by the clock, all runs note
    track, orphans = small(provider, owner), len(promises.orphans())
    if workers is not None:
        reached, escaped = workers.wait(workers.start(track=track.pk, at=f"{name}, {KILLED[fault]}")), None
    else:
        made, moment = RAISED[fault]
        script = Script(name, moment, _raising(made))
        escaped, reached = _one_run(track, script), script.reached
    found.most_orphans = max(found.most_orphans, len(promises.orphans()) - orphans)
    if reached:
        found.failed.append(name)
        if escaped:
            found.ended.add(name)
        if ArchiveAsset.objects.filter(track=track, state="running").exists():
            found.left.add(name)
    promises.until_done(track)
    kept = promises.kept(published, track)
    if not kept.sound:
        found.broken[name] = repr(kept)
    return reached


def _one_run(track: Track, script: Script) -> Exception | None:
    """Work the track off under the hook; what the run died of, should it have."""
    former, settings.ARCHIVE_PARALLEL = settings.ARCHIVE_PARALLEL, 2
    try:
        with watched(script), mock.patch.object(storage, "pause"):
            working.work(limit=2, seconds=20, track=track)
    except Exception as failure:  # whatever a fault became on its way up
        return failure
    finally:
        settings.ARCHIVE_PARALLEL = former
        for each in connections.all():
            each.close()
    return None


def _raising(fault: Callable[[str], Exception]) -> Callable[[str], None]:
    def act(kind: str) -> None:
        raise fault(kind)

    return act
