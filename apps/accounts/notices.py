"""What the house tells one person: once per subject and day, however often it happens (S3-13)."""

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import Truncator

from apps.accounts.models import Notice, User

MOST_COUNTED = 100
SINCE_THE_LETTER = "since the letter"
KEPT = dt.timedelta(days=180)


def tell(
    *, user: User, kind: str, subject: str, title: str, message: str, link: str = "", now: dt.datetime | None = None
) -> None:
    """Tell somebody something, unless the same was said of the same subject today (UTC).

    `title` says what happened and is the same for all of a kind, so that a digest can group by it; `message` names the
    thing and says what to do. `link` is a path of this site, anything else a ValueError.
    """
    if link and not (link.startswith("/") and url_has_allowed_host_and_scheme(link, allowed_hosts=None)):
        raise ValueError(f"a notice links to a path of this site, not to {link}")
    now = now or timezone.now()
    words = {"title": Truncator(title).chars(200), "message": Truncator(message).chars(2000), "link": link}
    row = Notice(user=user, kind=kind, subject=subject, day=now.astimezone(dt.UTC).date(), **words)
    Notice.objects.bulk_create([row], ignore_conflicts=True)


def sum_up(notices: Iterable[Notice], *, now: dt.datetime | None = None) -> None:
    """Tell each reader how much of a kind happened today: the day's notice says the new sum and is unread again.

    What a letter has told already stays as it was told; a second notice goes on from there. One per reader, whose row
    the caller holds.
    """
    rows, day = list(notices), (now or timezone.now()).astimezone(dt.UTC).date()
    told = Notice.objects.filter(user__in=[row.user_id for row in rows], kind__in={row.kind for row in rows}, day=day)
    mailed = set(told.filter(mailed_at__isnull=False).values_list("user_id", "kind"))
    for row in rows:
        row.day, row.subject = day, SINCE_THE_LETTER if (row.user_id, row.kind) in mailed else ""
        row.title, row.message = Truncator(row.title).chars(200), Truncator(row.message).chars(2000)
    Notice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["user", "kind", "subject", "day"], batch_size=1000,
        update_fields=["title", "message", "link", "read_at", "updated_at"],
    )  # fmt: skip


def read(*, user: User, ids: Iterable[UUID] | None = None, now: dt.datetime | None = None) -> int:
    """Mark these notices of the person as read, or all; returns how many were unread. Others' are left alone."""
    rows = Notice.objects.filter(user=user, read_at__isnull=True)
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return rows.update(read_at=now or timezone.now(), updated_at=timezone.now())


def mark(*, notice: Notice, read: bool, now: dt.datetime | None = None) -> None:
    """Mark one as read, or as unread again. What was read before keeps its time."""
    if read != (notice.read_at is not None):
        notice.read_at = (now or timezone.now()) if read else None
        notice.save(update_fields=["read_at", "updated_at"])


def unread(user: User) -> int:
    """How many wait, 100 at most: a person with thousands of them costs no more than one with a hundred."""
    return Notice.objects.filter(user=user, read_at__isnull=True)[:MOST_COUNTED].count()


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop what is old, read or not; returns how many."""
    return Notice.objects.filter(created_at__lt=(now or timezone.now()) - KEPT).delete()[0]
