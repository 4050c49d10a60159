"""Generated tracks whose files stand at a provider that can be told to misbehave."""

import itertools

from apps.archive import schedule, working
from apps.archive.models import ArchiveAsset
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
