"""Uploads in somebody's export, and what they took of their days; they go with their person, also from the spool."""

from collections.abc import Callable, Iterator

from django.db import transaction
from django.db.models import Model

from apps.accounts.chapters import Chapter, Parting, columns, register
from apps.accounts.models import User
from apps.uploads import intake, reports
from apps.uploads.models import CompressionReport, FolderImport, QuotaDay, QuotaGrant, Upload


def _own(model: type[Model], *but: str) -> Callable[[User], Iterator[dict]]:
    """The person's rows, the oldest first."""
    left_out = ("user_id", *but)
    return lambda user: (
        columns(row, but=left_out) for row in model.objects.filter(user=user).order_by("pk").iterator(500)
    )


def _folders(user: User) -> Iterator[dict]:
    rows = FolderImport.objects.filter(person=user).order_by("pk")
    return (columns(row, but=("path", "person_id", "made_by_id", "token")) for row in rows.iterator(500))


def _part(parting: Parting) -> None:
    """Reports of compression stay as figures, without the person and the name of their file."""
    uploads = Upload.objects.filter(user=parting.user)
    there = [intake.spooled(upload) for upload in uploads.filter(state__in=["receiving", "received"])]
    reports.forget(CompressionReport.objects.filter(user=parting.user))
    uploads.delete()
    transaction.on_commit(lambda: [path.unlink(missing_ok=True) for path in there])


register(
    Chapter("uploads", "the files you uploaded, also those that were refused", _own(Upload)),
    Chapter("upload-days", "how much you uploaded on which day", _own(QuotaDay)),
    Chapter("upload-grants", "what staff let you upload on top", _own(QuotaGrant, "granted_by_id")),
    Chapter("upload-folders", "folders that staff brought in for you", _folders),
    Chapter("compression", "how your files were made smaller", _own(CompressionReport)),
    part=_part,
)
