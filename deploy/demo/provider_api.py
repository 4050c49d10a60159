"""The three APIs as the demo's provider speaks them: generations that are made, finish, and are asked for.

A generation is `waiting` until its time has come, then `finished` with its songs, or `failed`. Addresses can be
replaced by fresh ones. `delivery` makes the webhook that the provider would send, signed as the real one signs.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "demo-key"
SECRETS = {"suno": "demo-secret", "replicate": "whsec_" + base64.b64encode(b"demo-secret-of-replicate").decode()}


@dataclass(frozen=True)
class Song:
    """`urls` by kind: audio, cover, video."""

    urls: dict[str, str]
    key: str = ""
    title: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Made:
    """A generation at this provider; `ready_at` is when it finishes, in seconds since the epoch, None: when told."""

    provider: str
    task: str
    songs: tuple[Song, ...] = ()
    ready_at: float | None = None
    failure: str = ""

    @property
    def finished(self) -> bool:
        return self.ready_at is not None and self.ready_at <= time.time()


@dataclass
class Generations:
    """What is made at the three, by task. `key` is what the API asks for; empty: nothing."""

    key: str = KEY
    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(
        self, provider: str, task: str, songs: list[dict[str, Any]] | list[Song] = (), finish_in: float | None = None
    ) -> None:
        """A generation under way; its songs are told when `finish_in` seconds are over, or by `finish`."""
        if provider not in ROUTES:
            raise ValueError(f"no provider is called {provider!r}")
        kept = tuple(song if isinstance(song, Song) else Song(**song) for song in songs)
        ready_at = None if finish_in is None else time.time() + finish_in
        with self.lock:
            self.made[provider, task] = Made(provider, task, kept, ready_at)

    def finish(self, provider: str, task: str, songs: list[dict[str, Any]] | list[Song] | None = None) -> None:
        """It is finished now; with `songs`, with these, so that they have other addresses than before."""
        with self.lock:
            former = self.made[provider, task]
            kept = former.songs if songs is None else tuple(s if isinstance(s, Song) else Song(**s) for s in songs)
            self.made[provider, task] = replace(former, songs=kept, ready_at=time.time())

    def fail(self, provider: str, task: str, reason: str) -> None:
        with self.lock:
            self.made[provider, task] = replace(self.made[provider, task], failure=reason)

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, Any]] | None:
        """Status and JSON of an API's address; None where none of the three has one."""
        parts = urlsplit(path)
        for provider, (prefix, task_of, shape) in ROUTES.items():
            if parts.path.startswith(prefix):
                if self.key and authorization != f"Bearer {self.key}":
                    return 401, {"detail": "wrong key"}
                made = self.made.get((provider, task_of(parts)))
                return (404, {"detail": "not found"}) if made is None else (200, shape(made))
        return None

    def delivery(self, provider: str, task: str, *, at: float | None = None) -> tuple[dict[str, str], bytes]:
        """Headers and body of the webhook about this generation as it stands, sent at this moment or `at`."""
        made, said = self.made[provider, task], str(int(time.time() if at is None else at))
        body = json.dumps(DELIVERIES[provider](made)).encode()
        return signed(provider, task, body, said=said), body


def signed(provider: str, task: str, body: bytes, *, said: str, secret: str = "") -> dict[str, str]:
    """The headers by which the real one vouches for a body; `said` is the moment, in seconds since the epoch."""
    secret = secret or SECRETS[provider]
    if provider == "suno":
        signature = _hmac(secret.encode(), f"{task}.{said}".encode())
        return {"X-Webhook-Timestamp": said, "X-Webhook-Signature": signature}
    name = f"msg_{hashlib.sha256(body).hexdigest()[:16]}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = "v1," + _hmac(key, f"{name}.{said}.".encode() + body)
    return {"webhook-id": name, "webhook-timestamp": said, "webhook-signature": signature}


def _hmac(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def _suno(made: Made) -> dict[str, Any]:
    if made.failure:
        status, songs = "GENERATE_AUDIO_FAILED", []
    elif made.finished:
        status, songs = "SUCCESS", [_suno_song(song) for song in made.songs]
    else:
        status, songs = "PENDING", []
    return {
        "code": 200,
        "msg": "success",
        "data": {
            "taskId": made.task,
            "parentMusicId": "",
            "response": {"taskId": made.task, "sunoData": songs},
            "status": status,
            "type": "GENERATE",
            "errorCode": 500 if made.failure else None,
            "errorMessage": made.failure or None,
        },
    }


def _suno_song(song: Song) -> dict[str, Any]:
    told = {"id": song.key, "audioUrl": song.urls.get("audio"), "imageUrl": song.urls.get("cover"), "title": song.title}
    if "video" in song.urls:
        told["videoUrl"] = song.urls["video"]
    return told | {"modelName": "chirp-v3-5", "duration": song.seconds}


def _suno_delivery(made: Made) -> dict[str, Any]:
    kind = "error" if made.failure else "complete" if made.finished else "text"
    songs = [
        {"id": song.key, "audio_url": song.urls.get("audio"), "duration": song.seconds}
        for song in (made.songs if made.finished else ())
    ]
    data = {"callbackType": kind, "task_id": made.task, "data": songs}
    return {"code": 501 if made.failure else 200, "msg": made.failure or "All generated successfully.", "data": data}


def _mureka(made: Made) -> dict[str, Any]:
    status = "failed" if made.failure else "succeeded" if made.finished else "running"
    choices = [
        {"index": place, "id": song.key, "url": song.urls.get("audio"),
         "duration": song.seconds and round(song.seconds * 1000)}
        for place, song in enumerate(made.songs if status == "succeeded" else ())
    ]  # fmt: skip
    return {
        "id": made.task, "created_at": int(time.time()) - 60, "finished_at": int(made.ready_at or 0), "model": "auto",
        "status": status, "failed_reason": made.failure, "choices": choices,
    }  # fmt: skip


def _replicate(made: Made) -> dict[str, Any]:
    status = "failed" if made.failure else "succeeded" if made.finished else "processing"
    output = [url for song in made.songs for url in song.urls.values()] if status == "succeeded" else None
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made.ready_at)) if status == "succeeded" else None
    return {
        "id": made.task, "model": "demo/music", "status": status, "error": made.failure or None, "logs": "",
        "output": output[0] if output and len(output) == 1 else output, "completed_at": stamp, "data_removed": False,
    }  # fmt: skip


ROUTES = {
    "suno": (
        "/api/v1/generate/record-info",
        lambda parts: (parse_qs(parts.query).get("taskId") or [""])[0],
        _suno,
    ),
    "mureka": ("/v1/song/query/", lambda parts: parts.path.rpartition("/")[2], _mureka),
    "replicate": ("/v1/predictions/", lambda parts: parts.path.rpartition("/")[2], _replicate),
}
DELIVERIES = {"suno": _suno_delivery, "replicate": _replicate}
