"""What an owner is told of the files of their generated tracks: where each stands, and what they can do."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.accounts.access import may
from apps.archive.models import OPEN_STATES, ArchiveAsset
from apps.catalog.models import Track

NAMES = {"audio": "sound", "cover": "cover", "video": "video"}
LAMPS = {"archived": "kept", "lost": "lost", "dropped": "lost"}
# What went wrong, for people; other codes are told by the provider's own trouble.
REASONS = {
    "GONE": "the provider says that it is gone",
    "REMOVED": "the track was removed",
    "PROVIDER_REFUSED": "the provider refused to give it",
    "NOT_AUDIO": "what the provider sent is no sound",
    "SOURCE_ERROR": "the provider answered with an error",
    "RATE_LIMITED": "the provider asks us to wait",
    "TIMED_OUT": "the provider was too slow",
    "NETWORK_ERROR": "the provider could not be reached",
    "WRONG_DURATION": "the provider sent another length than it announced",
    "INVALID_FORMAT": "what the provider sent is no such file",
    "MEDIA_UNREADABLE": "what the provider sent cannot be played",
    "MEDIA_TOO_COMPLEX": "what the provider sent takes too long to read",
    "TRUNCATED": "what the provider sent was cut off",
    "CRASHED": "the file breaks what reads it",
    "DISK_FULL": "our own disk is full, which we will mend",
    "STORAGE_FAILED": "our own store does not answer, which we will mend",
    "IO_ERROR": "our own disk failed, which we will mend",
}
SAVED = {
    "": ("All", ()),
    "waiting": ("Not saved yet", OPEN_STATES),
    "lost": ("Could not be saved", ("lost",)),
    "saved": ("Saved", ("archived",)),
}


@dataclass(frozen=True)
class Standing:
    """Of one file: `lamp` is kept, waiting or lost; `advice` is empty where there is nothing to do."""

    kind: str
    lamp: str
    words: str
    advice: str = ""


def told(user, track: Track) -> bool:
    """Whether this person learns where the files stand: the owner and whoever looks after the archive."""
    return user.is_authenticated and (track.owner_id == user.pk or may(user, "archive.see"))


def tracks(user, saved: str = "") -> QuerySet[Track]:
    """The person's generated tracks, newest first; only those with a file that stands so, or with all files saved."""
    rows = Track.objects.of(user).filter(removed_at__isnull=True, source__isnull=False).exclude(status="merged")
    mine = ArchiveAsset.objects.filter(track=OuterRef("pk"))
    states = SAVED.get(saved, SAVED[""])[1]
    if saved == "saved":
        rows = rows.filter(Exists(mine), ~Exists(mine.filter(~Q(state="archived"))))
    elif saved == "waiting":
        rows = rows.filter(Exists(mine.filter(state__in=states)) | ~Exists(mine))
    elif states:
        rows = rows.filter(Exists(mine.filter(state__in=states)))
    return rows.select_related("source__provider").prefetch_related("archive_assets").order_by("-pk")


def standings(track: Track, *, now: dt.datetime | None = None) -> list[Standing]:
    """Where each file of the track stands, sound first."""
    now = now or timezone.now()
    assets = sorted(track.archive_assets.all(), key=lambda asset: asset.kind)
    return [_standing(asset, track.source.provider.name, now) for asset in assets]


def _standing(asset: ArchiveAsset, provider: str, now: dt.datetime) -> Standing:
    name, lamp = NAMES[asset.kind], LAMPS.get(asset.state, "waiting")
    why = REASONS.get(asset.error_code, "the provider does not give it as it should")
    until, gone = f"{provider} keeps it until {_moment(asset.expires_at)}", asset.expires_at <= now
    match asset.state:
        case "archived":
            return Standing(name, lamp, f"Saved since {_moment(asset.archived_at)}: our own checked copy")
        case "lost" | "dropped":
            return Standing(name, lamp, f"Could not be saved because {why}", _advice(asset))
        case "running":
            return Standing(name, lamp, f"Being saved now; {until}")
        case "pending":
            return Standing(name, lamp, f"Waiting to be saved; {until}")
    again = "now" if asset.next_at <= now else f"at {_moment(asset.next_at)}"
    words = f"Not saved yet because {why}. Next try {again}; " + ("its time at the provider is over" if gone else until)
    return Standing(name, lamp, words, "" if gone else f"To be safe, save it from {provider} yourself now.")


def _advice(asset: ArchiveAsset) -> str:
    if asset.state == "dropped":
        return ""
    if asset.kind == "audio":
        return "If you have the file, upload it as this track's audio."
    return "The sound is not affected by this."


def _moment(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%-d %B %Y, %H:%M} UTC"
