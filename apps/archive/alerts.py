"""What an owner is told of files that could not be archived (S3-13). A try that will be repeated is nobody's news."""

import datetime as dt
from collections.abc import Iterable

from django.urls import reverse

from apps.accounts import notices
from apps.accounts.models import User
from apps.archive.models import ArchiveAsset

TITLES = {
    "lost": "Files of your tracks could not be archived",
    "quarantined": "Files of your tracks are hard to archive",
}
NAMES = {"audio": "its sound", "cover": "its cover", "video": "its video"}
# {title}, {provider} and {file} of the asset.
LOST_AUDIO = (
    "“{title}” was not saved: {provider} does not give its sound any more, so it will stop playing. "
    "If you have the file, upload it."
)
LOST_OTHER = "“{title}” is without {file}: {provider} does not give that any more. The sound is not affected by this."
QUARANTINED = (
    "“{title}” is not saved yet: {file} breaks what reads it. It is still tried. To be safe, save the file from "
    "{provider} yourself now."
)


def hold_owners(keys: Iterable) -> None:
    """Before any row of these assets is locked, where `given_up` follows in the same transaction.

    A notice needs its reader's row, which whoever leaves locks before everything else: of two who lock in opposite
    orders the database would end one.
    """
    owners = ArchiveAsset.objects.filter(pk__in=keys).values("track__owner_id")
    list(User.objects.select_for_update(no_key=True).filter(pk__in=owners).order_by("pk").values_list("pk"))


def given_up(keys: Iterable, *, now: dt.datetime) -> None:
    """Tell the owners of these assets what became of them, in the transaction that decided it.

    Nobody is told of a removed track or of the house's own library, and nobody of the same file twice a day.
    """
    rows = ArchiveAsset.objects.filter(pk__in=keys, state__in=list(TITLES), track__removed_at__isnull=True)
    for asset in rows.select_related("track__owner", "track__source__provider").order_by("pk"):
        if asset.track.owner is not None:
            _tell(asset, now)


def _tell(asset: ArchiveAsset, now: dt.datetime) -> None:
    track = asset.track
    notices.tell(
        user=track.owner,
        kind=f"archive.{asset.state}.{asset.kind}",
        subject=str(track.pk),
        title=TITLES[asset.state],
        message=_words(asset).format(title=track.title, provider=track.source.provider.name, file=NAMES[asset.kind]),
        link=reverse("track-page", args=[track.pk]),
        now=now,
    )


def _words(asset: ArchiveAsset) -> str:
    if asset.state == "quarantined":
        return QUARANTINED
    return LOST_AUDIO if asset.kind == "audio" else LOST_OTHER
