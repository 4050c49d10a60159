"""Generated tracks whose files stand at a provider that can be told to misbehave."""

import datetime as dt
import itertools
import uuid

from django.utils import timezone

from apps.archive import manifests, schedule, working
from apps.archive.models import ArchiveAsset, LedgerEntry, Manifest
from apps.catalog.models import Track
from deploy.demo import synth
from deploy.demo.behaviours import Behaviour
from deploy.demo.provider import Provider
from tests.lib.made import make_bytes
from tests.make import audio, make_generated

_numbers = itertools.count(1)


def at_provider(
    provider: Provider,
    owner,
    *,
    behaviour: str = "",
    times: int | None = None,
    cover: bool = False,
    video: bool = False,
    seed: int = 1,
    data: bytes = b"",
    picture: bytes = b"",
    label: str = "audio/mpeg",
    **facts,
) -> Track:
    """A generated track served by the provider; `behaviour` is how its audio misbehaves, for the first `times` requests.

    `data` and `label` stand for its audio and what the provider says of it, `picture` for its cover.
    """
    number = next(_numbers)
    url = provider.publish("suno", f"{number}.mp3", data or audio("mp3", seed=seed), label, expires_in=None)
    if behaviour:
        provider.behave(url, Behaviour(behaviour, times=times))
    if cover:
        picture = picture or synth.cover_jpeg(seed, size=64)
        facts["cover_url"] = provider.publish("suno", f"image_{number}.jpeg", picture, "image/jpeg", expires_in=None)
    if video:
        film = make_bytes("mp4", 1)
        facts["video_url"] = provider.publish("suno", f"{number}.mp4", film, "video/mp4", expires_in=None)
    return make_generated(owner, audio_url=url, **facts)


def run_all() -> int:
    """Plan, and work off what is due; returns how many assets were tried."""
    schedule.plan()
    return working.work(limit=200, seconds=30)


def asset_of(track: Track, kind: str = "audio") -> ArchiveAsset:
    return ArchiveAsset.objects.get(track=track, kind=kind)


def entry_at(when: dt.datetime, **facts) -> int:
    """An entry of that moment, past the database's clock; its number."""
    columns = {
        "event": "archived",
        "state_to": "archived",
        "track": uuid.uuid4(),
        "asset": uuid.uuid4(),
        "kind": "audio",
    }
    return LedgerEntry.objects.create(at=when, **{**columns, **facts}).pk


def closed(days: int, entries: int = 3) -> list[Manifest]:
    """The last so many days with so many entries each, closed."""
    now = timezone.now()
    for ago in range(days, 0, -1):
        for n in range(entries):
            entry_at(now - dt.timedelta(days=ago), facts={"n": n, "seconds": n / 3, "said": "naïve ☃"})
    return manifests.close()


def tomorrow() -> dt.datetime:
    return timezone.now() + dt.timedelta(days=1)
