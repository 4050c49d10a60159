"""Suno, by way of a reseller: Suno itself has no public API.

Read: docs.sunoapi.org/suno-api/get-music-generation-details (`GET /api/v1/generate/record-info?taskId=…`, statuses,
`data.response.sunoData[]` with `audioUrl`, `imageUrl`, `duration` in seconds), docs.sunoapi.org/suno-api/
generate-music-callbacks (`callbackType` text, first, complete), old-docs.kie.ai (three questions a second of one task)
and docs.kie.ai/common-api/webhook-verification. Both resellers speak the same paths; the address is a setting. Of a
delivery kie.ai signs `taskId.timestamp` and not the body, sunoapi.org documents no signature: so of a delivery only the
signed id is used, and the API is asked. `videoUrl` is of its resellers' other answers and is read where it stands. The
literal address `…/api/forbidden`, 403 from its CDN and sealed m4a files are as users met them (gcui-art/suno-api 289).
Not tried against the real services.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from apps.archive.providers import base, signatures
from apps.archive.providers.base import Answer, Delivery, Failed, Song, Unfinished
from apps.archive.providers.generic import Generic

CODE = "suno"
WAITING = ("PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "PROCESSING", "GENERATING")
OVER = ("CREATE_TASK_FAILED", "GENERATE_AUDIO_FAILED", "SENSITIVE_WORD_ERROR", "FAILED")
# In place of the address of a song that one may not download.
FORBIDDEN = "/api/forbidden"
_TASK = re.compile(rb'"task_?[iI]d"\s*:\s*"([A-Za-z0-9_.-]{1,90})"')


class Suno(Generic):
    hosts = (".suno.ai", ".suno.com")
    lifetimes = {"audio": dt.timedelta(days=15), "video": dt.timedelta(days=14)}
    asks_a_minute = 120

    def can_read(self) -> bool:
        return bool(base.access(CODE).key)

    def read(self, provider_track_id: str) -> Answer:
        task, _ = base.split(provider_track_id)
        return record_info(base.ask(CODE, f"/api/v1/generate/record-info?{urlencode({'taskId': task})}"))

    def fresh_urls(self, provider_track_id: str) -> Song | None:
        return base.the_song(self.read(provider_track_id), base.split(provider_track_id)[1])

    def hook(self, headers: Mapping[str, str], body: bytes, *, now: dt.datetime) -> Delivery:
        """Which generation has news. The id is looked for among the bytes, for nothing else of them is signed."""
        secret = base.webhook_secret(CODE).encode()
        said = signatures.timely(headers.get("x-webhook-timestamp", ""), now)
        given, right = headers.get("x-webhook-signature", ""), []
        for task in dict.fromkeys(_TASK.findall(body)[: base.MOST_SONGS]):
            if signatures.same(given, signatures.sign(secret, task + b"." + said.encode())):
                right.append(task.decode())
        if not right:
            raise signatures.invalid()
        return Delivery(right[0])


def record_info(told: Any) -> Answer:
    told = base.mapping(told)
    if told.get("code") not in (200, "200"):
        raise base.ProviderError("UNREADABLE_ANSWER", f"The API says: {base.text(told.get('msg')) or 'nothing'}.")
    data = base.mapping(told.get("data"))
    status = base.text(data.get("status"), 40)
    if status in OVER:
        return Failed(base.text(data.get("errorMessage")) or status)
    if status in WAITING:
        return Unfinished(status)
    # With a broken callback the songs may be there all the same.
    if status not in ("SUCCESS", "CALLBACK_EXCEPTION"):
        raise base.unreadable("status")
    songs = [_song(said) for said in base.items(base.mapping(data.get("response")).get("sunoData"))]
    return base.finished(songs)


def _song(said: Mapping[str, Any]) -> Song:
    kinds = {"audio": "audioUrl", "cover": "imageUrl", "video": "videoUrl"}
    urls = {kind: base.url(said.get(name)) for kind, name in kinds.items()}
    return Song(
        {kind: url for kind, url in urls.items() if url and not _forbidden(url)},
        key=base.identity(said.get("id")),
        title=base.text(said.get("title"), 200),
        duration_ms=base.milliseconds(said.get("duration"), 1000),
    )


def _forbidden(url: str) -> bool:
    try:
        return urlsplit(url).path.endswith(FORBIDDEN)
    except ValueError:
        return False
