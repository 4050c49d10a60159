"""Replicate: predictions of models, of which some make music.

Read: replicate.com/docs/reference/http (get a prediction: `status`, `output`, `error`, `completed_at`, `data_removed`),
/docs/topics/predictions/data-retention (inputs, outputs and files of the API are removed after an hour),
/docs/topics/predictions/rate-limits (3,000 requests a minute beside creating), /docs/topics/webhooks/verify-webhook.
The shape of `output` is the model's: one address, a list of them, or an object that holds them by names; which of the
names mean sound, cover and film is a guess from models as they are published. Not tried against the real service.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from apps.archive.providers import base, signatures
from apps.archive.providers.base import Answer, Delivery, Failed, Song, Unfinished
from apps.archive.providers.generic import Generic

CODE = "replicate"
SUFFIXES = {
    "cover": (".jpg", ".jpeg", ".png", ".webp"),
    "video": (".mp4", ".webm", ".mov"),
}
DEPTH = 3


class Replicate(Generic):
    hosts = ("replicate.delivery", ".replicate.delivery")
    lifetimes = {"audio": dt.timedelta(hours=1)}
    asks_a_minute = 600

    def can_read(self) -> bool:
        return bool(base.access(CODE).key)

    def hears(self) -> bool:
        return bool(base.access(CODE).webhook_secret)

    def read(self, provider_track_id: str) -> Answer:
        task, _ = base.split(provider_track_id)
        return prediction(base.ask(CODE, f"/v1/predictions/{base.segment(task)}"))

    def fresh_urls(self, provider_track_id: str) -> Song | None:
        return base.the_song(self.read(provider_track_id), base.split(provider_track_id)[1])

    def hook(self, headers: Mapping[str, str], body: bytes, *, now: dt.datetime) -> Delivery:
        """The body is a prediction, signed as a whole: what it says is used without asking."""
        signatures.verify(headers, body, secret=base.webhook_secret(CODE), now=now)
        told = base.parsed(body)
        task = base.identity(base.mapping(told).get("id"))
        if not task:
            raise base.unreadable("prediction")
        return Delivery(task, prediction(told))


def prediction(told: Any) -> Answer:
    told = base.mapping(told)
    status = base.text(told.get("status"), 40)
    if status in ("failed", "canceled", "aborted"):
        return Failed(base.text(told.get("error")) or status)
    if status == "succeeded":
        done_at = base.moment(told.get("completed_at"))
        if told.get("data_removed") is True:
            return Failed("Replicate has removed the output of this prediction.")
        return base.finished(_songs(told.get("output")), done_at)
    if status in ("starting", "processing"):
        return Unfinished(status)
    raise base.unreadable("status")


def _songs(output: Any) -> list[Song]:
    """A song for each sound; the first picture and film of the output go with the first of them."""
    kinds: dict[str, list[str]] = {"audio": [], "cover": [], "video": []}
    for address in list(_addresses(output, DEPTH))[: base.MOST_SONGS]:
        kinds[_kind(address)].append(address)
    beside = {kind: kinds[kind][0] for kind in ("cover", "video") if kinds[kind]}
    return [
        Song({"audio": address, **(beside if number == 0 else {})}, key=str(number))
        for number, address in enumerate(dict.fromkeys(kinds["audio"]))
    ]


def _addresses(output: Any, depth: int) -> Iterator[str]:
    if found := base.url(output):
        yield found
    elif isinstance(output, list | dict) and depth:
        inside = list(output.values() if isinstance(output, dict) else output)
        for value in inside[: base.MOST_SONGS]:
            yield from _addresses(value, depth - 1)


def _kind(address: str) -> str:
    try:
        path = urlsplit(address).path.lower()
    except ValueError:
        return "audio"  # refused by the provider's rules, with words
    return next((kind for kind, suffixes in SUFFIXES.items() if path.endswith(suffixes)), "audio")
