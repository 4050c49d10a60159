"""What the archive asks of a provider: one Protocol, and what all JSON clients share (S3-01, S3-17).

A client is asked outside of transactions. It raises ProviderError and nothing else, whatever the provider answers: what
it says is somebody else's text. Keys travel in a header to the API's own host and are in no message and no log.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlsplit

from django.conf import settings

from apps.lib import fetch

MOST_BYTES, DEADLINE_S = 2_000_000, 20
MOST_SONGS, LONGEST_URL, LONGEST_REASON, LONGEST_ID = 10, 2000, 300, 90
EARLIEST, LATEST = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2000, 9000))
DAY_MS = 86_400_000


class ProviderError(Exception):
    """Why the provider could not be asked, or said nothing of use. `code` is one of those of `fetch.FetchError`, or:

    NO_API (no key, or a provider without one), API_REFUSED (401, 403: the key), UNKNOWN_GENERATION (404),
    UNREADABLE_ANSWER, SIGNATURE_INVALID and HOOK_REFUSED (of a delivery). `retry_after` is in seconds.
    """

    def __init__(self, code: str, message: str, retry_after: float | None = None):
        super().__init__(code, message)
        self.code, self.message, self.retry_after = code, message, retry_after


@dataclass(frozen=True)
class Song:
    """One piece of music: its `urls` by asset kind, always with audio, and what else the provider says of it."""

    urls: Mapping[str, str]
    key: str = ""
    title: str = ""
    duration_ms: int | None = None
    expires_at: dt.datetime | None = None


@dataclass(frozen=True)
class Finished:
    """`listed`: how many songs the provider names, also those that it gives no sound of."""

    songs: tuple[Song, ...]
    finished_at: dt.datetime | None = None
    listed: int = 1


@dataclass(frozen=True)
class Unfinished:
    """Not yet. `said` is the provider's own word for where it stands."""

    said: str = ""


@dataclass(frozen=True)
class Failed:
    """It will never come. `reason` is the provider's, cut short."""

    reason: str = ""


Answer = Finished | Unfinished | Failed


@dataclass(frozen=True)
class Delivery:
    """What a verified delivery tells: of which generation, and its answer where the signature covers that."""

    provider_track_id: str
    answer: Answer | None = None


@dataclass(frozen=True)
class NotAudio:
    """What came in place of a file: PROVIDER_REFUSED (a refusal under the label of a success) or NOT_AUDIO."""

    code: str
    message: str


class Client(Protocol):
    """One provider. `hosts` may serve its files, `lifetimes` is how long by kind: with both a row starts out, and staff
    change it. `asks_a_minute` is how often its API may be asked for generations.
    """

    hosts: tuple[str, ...]
    lifetimes: Mapping[str, dt.timedelta]
    asks_a_minute: int

    def can_read(self) -> bool:
        """Whether its API can be asked at all."""

    def hears(self) -> bool:
        """Whether its deliveries can be verified, and tell enough to finish a generation without asking."""

    def read(self, provider_track_id: str) -> Answer:
        """Where this generation stands."""

    def fresh_urls(self, provider_track_id: str) -> Song | None:
        """Its addresses as the provider gives them now; None when it has none, or several songs and none is named."""

    def hook(self, headers: Mapping[str, str], body: bytes, *, now: dt.datetime) -> Delivery:
        """What this delivery tells, its signature verified over the bytes before they are read."""

    def is_not_audio(self, head: bytes, content_type: str) -> NotAudio | None:
        """What these first bytes of a file that nobody can decode are, if that can be told."""


@dataclass(frozen=True)
class Access:
    """Where an API is and what opens it; nothing of it shows."""

    url: str = ""
    key: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)


def access(code: str) -> Access:
    return Access(**settings.PROVIDER_APIS.get(code, {}))


def split(provider_track_id: str) -> tuple[str, str]:
    """The generation, and the song of it where the id names one: `task` or `task/song`."""
    task, _, song = provider_track_id.partition("/")
    return task, song


def named(task: str, song: Song, answer: Finished) -> str:
    """The id under which a song of a generation is kept: the generation's own where there is but one."""
    return task if answer.listed == 1 else f"{task}/{song.key}"


def webhook_secret(code: str) -> str:
    """What deliveries are signed with. Without it none is taken: an empty secret is one that everybody knows."""
    if secret := access(code).webhook_secret:
        return secret
    raise ProviderError("HOOK_REFUSED", f"No webhook secret of {code} is set, so no delivery is taken.")


def ask(code: str, path: str) -> Any:
    """The JSON that the API answers at this path."""
    opens = access(code)
    if not opens.key:
        raise ProviderError("NO_API", f"No key for the API of {code} is set.")
    host = urlsplit(opens.url).hostname or ""
    rules = fetch.Rules(hosts=(host,), origins=tuple(settings.FETCH_ORIGINS))
    headers = {"Authorization": f"Bearer {opens.key}", "Accept": "application/json"}
    try:
        body = fetch.ask(
            opens.url.rstrip("/") + path, rules=rules, headers=headers, max_bytes=MOST_BYTES, deadline=DEADLINE_S
        )
    except fetch.FetchError as failure:
        raise _translated(failure, host) from None
    return parsed(body)


def _translated(failure: fetch.FetchError, host: str) -> ProviderError:
    if failure.status in (401, 403):
        return ProviderError("API_REFUSED", f"{host} does not accept the key: status {failure.status}.")
    if failure.status in (404, 410):
        return ProviderError("UNKNOWN_GENERATION", f"{host} knows no such generation.")
    return ProviderError(failure.code, failure.message, failure.retry_after)


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderError("UNREADABLE_ANSWER", "The provider's answer is no JSON that can be read.") from None


def unreadable(what: str) -> ProviderError:
    return ProviderError("UNREADABLE_ANSWER", f"The provider's answer has no {what} of a known shape.")


def segment(task: str) -> str:
    """An id as a part of an address, where it can mean nothing else."""
    return quote(task, safe="")


# --- Readers of somebody else's values: None or empty for what is not as it should be -------------------------
def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list, as many as a generation can have."""
    return [mapping(item) for item in value[:MOST_SONGS]] if isinstance(value, list) else []


def text(value: Any, most: int = LONGEST_REASON) -> str:
    """Printable text on one line, cut at `most` characters."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value[: 4 * most]).strip()[:most]


def identity(value: Any) -> str:
    """An id as these providers write them, which is no step to elsewhere in an address; numbers are their digits."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        value = str(value)
    fits = isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isascii()
    return value if fits and value[0].isalnum() and all(c.isalnum() or c in "-_." for c in value) else ""


def url(value: Any) -> str:
    """An address as text; whether it may be fetched is for the provider's rules to say."""
    if not isinstance(value, str) or len(value) > LONGEST_URL or not value.isprintable():
        return ""
    return value if value.startswith(("https://", "http://")) and " " not in value else ""


def milliseconds(value: Any, unit_ms: int) -> int | None:
    """A duration of more than nothing and a day at most."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value * unit_ms <= DAY_MS:
        return None
    return round(value * unit_ms) or None


def moment(value: Any) -> dt.datetime | None:
    """ISO 8601 text, or seconds since 1970; one without a zone is UTC."""
    try:
        if isinstance(value, str) and len(value) <= 40:
            found = dt.datetime.fromisoformat(value)
            found = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = dt.datetime.fromtimestamp(value, dt.UTC)
        else:
            return None
        return found.astimezone(dt.UTC) if EARLIEST <= found < LATEST else None
    except (ValueError, OverflowError, OSError):
        return None


def signed_until(address: str) -> dt.datetime | None:
    """Until when a signed address works, where it says so: by CloudFront's `Expires`, or S3's `X-Amz-Expires`."""
    try:
        said = dict(parse_qsl(urlsplit(address).query, max_num_fields=50))
        if "X-Amz-Expires" in said:
            since = dt.datetime.strptime(said["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
            return moment(since.timestamp() + int(said["X-Amz-Expires"]))
        return moment(int(said["Expires"])) if "Expires" in said else None
    except (ValueError, KeyError, OverflowError):
        return None


def finished(songs: list[Song], finished_at: dt.datetime | None = None) -> Finished | Unfinished:
    """Those with audio, told apart by their keys, else by their places; without any it is not there yet."""
    told_apart = {song.key or str(place): song for place, song in enumerate(songs)}
    sounding = tuple(
        replace(song, key=key, expires_at=signed_until(song.urls["audio"]))
        for key, song in told_apart.items()
        if song.urls.get("audio")
    )
    return Finished(sounding, finished_at, len(told_apart)) if sounding else Unfinished("without audio")


def the_song(answer: Answer, song: str) -> Song | None:
    """The song that is named, or the only one."""
    if not isinstance(answer, Finished):
        return None
    if song:
        return next((each for each in answer.songs if each.key == song), None)
    return answer.songs[0] if answer.listed == 1 else None
