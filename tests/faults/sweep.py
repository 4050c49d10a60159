"""One archiving, audio and cover, as often as it makes calls: in the n-th of them the n-th call fails."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages
from django.db import connections

from apps.archive import schedule, working
from apps.archive.models import ArchiveAsset
from apps.catalog.models import Track
from deploy.demo import synth
from deploy.demo.provider import Provider
from tests.archive.world import at_provider
from tests.faults.calls import Counted, broken, late, watched
from tests.make import audio

FAULTS = {"break": (broken, "before"), "silence": (late, "before"), "lost answer": (broken, "after")}
published: dict[str, bytes] = {}
_numbers = itertools.count(1)


@dataclass
class Swept:
    """The calls of an archiving that meets no fault; of the failed ones those that ended the run, and those that left a
    row to its lease."""

    names: list[str] = field(default_factory=list)
    failed: int = 0
    ended: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)


def small(provider: Provider, owner, *, cover: bool = True) -> Track:
    """A planned track of little data; no two have the same bytes."""
    number = next(_numbers)
    sound = audio("mp3", 0.5) + b"TAG" + f"{number:0125}".encode()
    picture = _cover()[:2] + b"\xff\xfe\x00\x12" + f"{number:016}".encode() + _cover()[2:]
    track = at_provider(provider, owner, data=sound, cover=cover, picture=picture)
    published.update(zip(track.source.urls().values(), (sound, picture), strict=False))
    schedule.plan_tracks([track])
    return track


_pictures: list[bytes] = []


def _cover() -> bytes:
    if not _pictures:
        _pictures.append(synth.cover_jpeg(1, size=64))
    return _pictures[0]


def one_run(track: Track, hook: Counted) -> None:
    """Work the track off under the hook; a run that dies of a fault has done what it could."""
    with watched(hook, spool=settings.SPOOL, store=Path(storages["blobs"].location)):
        try:
            working.work(limit=9, seconds=20, track=track)
        except Exception as failure:  # whatever a fault became on its way up
            hook.escaped = failure
    for each in connections.all():
        each.close()


def raising(fault: Callable[[str], Exception]) -> Callable[[str], None]:
    def act(kind: str) -> None:
        raise fault(kind)

    return act


def swept(provider: Provider, owner, fault: str, *, step: int = 1) -> Swept:
    """Make the calls fail one after the other, each in an archiving of its own; every `step`-th of them."""
    made, moment = FAULTS[fault]
    counted = Counted()
    one_run(small(provider, owner), counted)
    found = Swept(counted.names)
    for number in range(0, len(counted.names), step):
        track, hook = small(provider, owner), Counted(number, raising(made), moment)
        one_run(track, hook)
        found.failed += bool(hook.done)
        if hook.escaped:
            found.ended.add(hook.done)
        if ArchiveAsset.objects.filter(track=track, state="running").exists():
            found.left.add(hook.done)
    return found
