"""What the house keeps of whom, and what is on its way in: numbers for staff."""

import heapq
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Sum

from apps.accounts import tiers
from apps.accounts.models import User
from apps.catalog.models import Track, TrackFile
from apps.lib import clock
from apps.uploads.models import Upload

HOUSE = "the house"
MOST_PEOPLE = 50


@dataclass
class Share:
    """Files and their bytes of one tier, person, or of the house; `people` of a tier who keep any."""

    name: str
    files: int = 0
    bytes: int = 0
    people: int = 0
    user: User | None = None
    tier: str = ""


@dataclass(frozen=True)
class Spool:
    """Bytes: announced by what is on its way, in the files that lie there, the limit of all, free on the disk."""

    uploads: int
    announced: int
    files: int
    bytes: int
    limit: int
    free: int


def storage() -> dict[str, list[Share]]:
    """By `tiers`, and the `people` who keep most, most first. A file that several tracks share counts for each."""
    paying = dict(User.objects.annotate(tier_now=tiers.tier(clock.now())).exclude(tier_now=tiers.FREE)
                  .values_list("pk", "tier_now"))  # fmt: skip
    kept = TrackFile.objects.order_by().values_list("track__owner")
    kept = kept.annotate(files=Count("pk"), bytes=Sum("blob__size"))
    by_tier = {name: Share(name) for name in (*settings.UPLOAD_QUOTA, HOUSE)}
    most: list[tuple[int, str, int]] = []
    for owner, files, size in kept.iterator(2000):
        tier = by_tier[HOUSE if owner is None else paying.get(owner, tiers.FREE)]
        tier.files, tier.bytes, tier.people = tier.files + files, tier.bytes + int(size), tier.people + 1
        if owner is not None:
            (heapq.heappush if len(most) < MOST_PEOPLE else heapq.heappushpop)(most, (int(size), str(owner), files))
    by_tier[HOUSE].people = 0
    return {"tiers": list(by_tier.values()), "people": _people(sorted(most, reverse=True), paying)}


def _people(most: list[tuple[int, str, int]], paying: dict) -> list[Share]:
    people = User.objects.select_related("profile").only("email", "profile__username")  # kept in the cache for a while
    users = people.in_bulk([key for _, key, _ in most])
    return [
        Share(name_of(user), files, size, user=user, tier=paying.get(user.pk, tiers.FREE))
        for size, key, files in most
        if (user := users.get(UUID(key)))
    ]


def name_of(user: User | None) -> str:
    """How staff's pages name a person; not every one of staff may see addresses."""
    profile = getattr(user, "profile", None)
    return profile.username if profile else getattr(user, "email", "")


def of_person(user: User) -> Share:
    """What is kept of one person."""
    files = TrackFile.objects.filter(track__in=Track.objects.of(user))
    kept = files.aggregate(files=Count("pk"), bytes=Sum("blob__size"))
    return Share(name_of(user), kept["files"], int(kept["bytes"] or 0), user=user)


def _sizes(folder: Path) -> list[int]:
    """Of its files; one that goes while we look is not there."""
    sizes = []
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            if entry.is_file(follow_symlinks=False):
                sizes.append(entry.stat().st_size)
    return sizes


def spool() -> Spool:
    """What uploads on their way take of the spool; those that go straight to the object store take none."""
    here = Upload.objects.filter(state__in=["receiving", "received"]).exclude(way=Upload.Way.DIRECT)
    facts = here.aggregate(uploads=Count("pk"), announced=Sum("size_bytes"))
    folder = settings.SPOOL / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sizes = _sizes(folder)
    disk = os.statvfs(folder)
    return Spool(
        uploads=facts["uploads"],
        announced=int(facts["announced"] or 0),
        files=len(sizes),
        bytes=sum(sizes),
        limit=settings.UPLOAD_SPOOL_BYTES,
        free=disk.f_bavail * disk.f_frsize,
    )
