"""Mureka: songs by task, each task with two or three of them.

Read: platform.mureka.ai's operation `GET /v1/song/query/{task_id}` as its clients (the TypeScript client of
superbuilders/mureka) and resellers (docs.skyworkmodel.ai/mureka, docs.cloudsway.net) describe it: `status`,
`failed_reason`, `created_at` and `finished_at` in seconds, `choices[]` with `id`, `url`, `flac_url` and `duration` in
milliseconds. The platform's own page could not be read, nor a figure for how long addresses work or how often may be
asked; no webhook of it is known, so deliveries are refused. Not tried against the real service.
"""

import datetime as dt
from typing import Any

from apps.archive.providers import base
from apps.archive.providers.base import Answer, Failed, Song, Unfinished
from apps.archive.providers.generic import Generic

CODE = "mureka"
WAITING = ("preparing", "queued", "running", "streaming", "reviewing")
OVER = ("failed", "timeouted", "cancelled")


class Mureka(Generic):
    hosts = (".mureka.ai",)
    lifetimes = {"audio": dt.timedelta(days=15)}
    asks_a_minute = 60

    def can_read(self) -> bool:
        return bool(base.access(CODE).key)

    def read(self, provider_track_id: str) -> Answer:
        task, _ = base.split(provider_track_id)
        return song_query(base.ask(CODE, f"/v1/song/query/{base.segment(task)}"))

    def fresh_urls(self, provider_track_id: str) -> Song | None:
        return base.the_song(self.read(provider_track_id), base.split(provider_track_id)[1])


def song_query(told: Any) -> Answer:
    told = base.mapping(told)
    status = base.text(told.get("status"), 40)
    if status in OVER:
        return Failed(base.text(told.get("failed_reason")) or status)
    if status in WAITING:
        return Unfinished(status)
    if status != "succeeded":
        raise base.unreadable("status")
    songs = [_song(choice) for choice in base.items(told.get("choices"))]
    return base.finished(songs, base.moment(told.get("finished_at")))


def _song(choice: dict) -> Song:
    """The lossless file where there is one: it is the original, the other was made from it."""
    audio = base.url(choice.get("flac_url")) or base.url(choice.get("url"))
    return Song(
        {"audio": audio} if audio else {},
        key=base.identity(choice.get("id")) or base.identity(choice.get("index")),
        title=base.text(choice.get("title"), 200),
        duration_ms=base.milliseconds(choice.get("duration"), 1),
    )
