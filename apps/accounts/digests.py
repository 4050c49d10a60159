"""Unread notices by e-mail: one letter per person and day at most, daily, weekly or never, as they choose (S3-13).

However much happens in a day, it is one letter: what does not fit is counted.
"""

import datetime as dt

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from apps.accounts import letters
from apps.accounts.models import Notice, Profile
from apps.lib.errors import NotFound

MOST_LINES = 50
MONDAY = 0
SALT = "apps.accounts.digests"


def send(*, now: dt.datetime | None = None) -> int:
    """Queue one letter for everybody who waits for one; returns how many. A second run of the day finds nobody."""
    now = now or timezone.now()
    return sum(_write(key, now) for key in list(_due(now).values_list("pk", flat=True)))


def _due(now: dt.datetime) -> QuerySet[Profile]:
    """Who wants a letter now, may get one, had none today and has something to read."""
    day = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    theirs = Notice.objects.filter(user=OuterRef("user"))
    return Profile.objects.filter(
        Exists(theirs.filter(read_at__isnull=True, mailed_at__isnull=True)),
        ~Exists(theirs.filter(mailed_at__gte=day)),
        digest__in=["daily", "weekly"] if day.weekday() == MONDAY else ["daily"],
        user__is_active=True,
        user__email_verified_at__isnull=False,
    )


@transaction.atomic
def _write(key, now: dt.datetime) -> bool:
    """The letter and the note that it was written, or neither. Whoever comes second finds nothing left to write.

    Whoever leaves locks their own row before everything else; so do we, and find nobody when they were first.
    """
    rows = Profile.objects.select_for_update(of=("user",), no_key=True).select_related("user")
    profile = rows.filter(pk=key).first()
    if profile is None or not _due(now).filter(pk=key).exists():
        return False
    waiting = Notice.objects.filter(user=profile.user, read_at__isnull=True, mailed_at__isnull=True)
    lines = list(waiting.order_by("-id")[:MOST_LINES])
    total = waiting.update(mailed_at=now, updated_at=timezone.now())
    letters.queue(_message(profile, lines, total), bulk=True, now=now)
    return True


def _message(profile: Profile, lines: list[Notice], total: int) -> EmailMultiAlternatives:
    off = settings.SITE_URL + off_path(profile)
    facts = {
        "groups": _groups(lines),
        "total": total,
        "more": total - len(lines),
        "off": off,
        "name": profile.name,
        "site_url": settings.SITE_URL,
    }
    message = EmailMultiAlternatives(
        f"{total} new notice{'s' if total != 1 else ''} for you on Keeptrack",
        render_to_string("accounts/email/digest.txt", facts).strip(),
        to=[profile.user.email],
        # RFC 8058: the reader's own button, by one POST.
        headers={"List-Unsubscribe": f"<{off}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
    message.attach_alternative(render_to_string("accounts/email/digest.html", facts), "text/html")
    return message


def _groups(lines: list[Notice]) -> list[tuple[str, list[Notice]]]:
    """[(title, notices)], in the order in which the titles come first."""
    groups: dict[str, list[Notice]] = {}
    for notice in lines:
        groups.setdefault(notice.title, []).append(notice)
    return list(groups.items())


def off_path(profile: Profile) -> str:
    """The address that ends this person's digest, for whoever reads their mail. Like the letter it never expires."""
    return reverse("digest-off", args=[signing.dumps(str(profile.pk), salt=SALT)])


def reader(token: str) -> Profile:
    """Whose digest this token ends. NotFound for anything we did not sign."""
    try:
        key = signing.loads(token, salt=SALT)
    except signing.BadSignature as forged:
        raise NotFound from forged
    profile = Profile.objects.select_related("user").filter(pk=key).first()
    if profile is None:
        raise NotFound
    return profile


def switch_off(*, profile: Profile) -> None:
    """No digest any more; the notices stay on the site."""
    profile.digest = Profile.Digest.OFF
    profile.save(update_fields=["digest", "updated_at"])
