"""Uploads in somebody's export; they go with their person. What compression saved stays as numbers of nobody."""

from collections.abc import Iterator

from apps.accounts.chapters import Chapter, Parting, columns, register
from apps.accounts.models import User
from apps.uploads import reports
from apps.uploads.models import CompressionReport, Upload


def _uploads(user: User) -> Iterator[dict]:
    rows = Upload.objects.filter(user=user).order_by("pk")
    return (columns(row, but=("user_id",)) for row in rows.iterator(500))


def _reports(user: User) -> Iterator[dict]:
    rows = CompressionReport.objects.filter(user=user).order_by("pk")
    return (columns(row, but=("user_id",)) for row in rows.iterator(500))


def _part(parting: Parting) -> None:
    reports.forget(CompressionReport.objects.filter(user=parting.user))
    Upload.objects.filter(user=parting.user).delete()


register(Chapter("uploads", "the files you uploaded, also those that were refused", _uploads), part=_part)
register(Chapter("compression", "how your files were made smaller", _reports))
