"""The archive's rows in somebody's export; the jobs stay without a name when their person leaves."""

from collections.abc import Iterator

from apps.accounts.chapters import Chapter, Parting, columns, register
from apps.accounts.models import User
from apps.archive import schedule
from apps.archive.models import ArchiveAsset, ArchiveJob, Generation
from apps.catalog.models import Track


def _jobs(user: User) -> Iterator[dict]:
    """Without the ids of staff: who asked for it, who handed a file in."""
    for row in ArchiveJob.objects.filter(user=user).order_by("pk").iterator(500):
        for given in row.metadata.get("handed_in", ()):
            given.pop("by", None)
        yield columns(row, but=("user_id", "requested_by_id"))


def _assets(user: User) -> Iterator[dict]:
    rows = ArchiveAsset.objects.filter(track__in=Track.objects.of(user).values("pk")).order_by("pk")
    return (columns(row, but=("blob_id", "token", "lease_until", "facts")) for row in rows.iterator(500))


def _generations(user: User) -> Iterator[dict]:
    rows = Generation.objects.of(user).order_by("pk")
    return (columns(row, but=("owner_id", "token", "lease_until")) for row in rows.iterator(500))


def _part(parting: Parting) -> None:
    """What was removed is not fetched any more; what went to the library is archived as before.

    Nobody waits for what was announced and is not here.
    """
    ArchiveJob.objects.filter(user=parting.user).update(user=None)
    Generation.objects.of(parting.user).delete()
    schedule.drop_removed()


register(
    Chapter("archive_jobs", "runs of the archive over your generated tracks", _jobs),
    Chapter("archive_files", "the files of your generated tracks, as the archive sees them", _assets),
    Chapter("generations", "music that you announced before it was finished", _generations),
    part=_part,
)
