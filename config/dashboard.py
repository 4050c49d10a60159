"""What staff see first: the numbers that ask for a hand, each a link to its list; and the way around."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Letter, Lockout, Subscription
from apps.archive.models import OPEN_STATES, ArchiveAsset
from apps.archive.statistics import URGENT, statistics
from apps.catalog.models import Blob, Track, TrackFile
from apps.uploads.models import Upload

# Group → (title, model's address in the admin, permission, icon).
PLACES = {
    "": [("Overview", "index", "admin.enter", "dashboard")],
    "Catalogue": [
        ("Tracks", "catalog_track_changelist", "catalog.view_track", "library_music"),
        ("Stored files", "catalog_blob_changelist", "catalog.view_blob", "hard_drive"),
        ("Providers", "catalog_provider_changelist", "catalog.view_provider", "cloud_download"),
    ],
    "Uploads": [("All uploads", "uploads_upload_changelist", "uploads.view_upload", "upload_file")],
    "Archive": [
        ("To archive", "archive_archiveasset_changelist", "archive.view_archiveasset", "hourglass_top"),
        ("Jobs", "archive_archivejob_changelist", "archive.view_archivejob", "work_history"),
    ],
    "People": [
        ("Users", "accounts_user_changelist", "accounts.view_user", "group"),
        ("Lock-outs", "accounts_lockout_changelist", "accounts.view_lockout", "lock_clock"),
        ("Sessions", "accounts_session_changelist", "accounts.view_session", "devices"),
        ("Role history", "accounts_rolechange_changelist", "accounts.view_rolechange", "badge"),
        ("API keys", "accounts_apikey_changelist", "accounts.view_apikey", "key"),
        ("Letters", "accounts_letter_changelist", "accounts.view_letter", "mail"),
        ("Notices", "accounts_notice_changelist", "accounts.view_notice", "notifications"),
    ],
    "Plans": [
        ("Subscriptions", "accounts_subscription_changelist", "accounts.view_subscription", "card_membership"),
        ("Tier overrides", "accounts_tieroverride_changelist", "accounts.view_tieroverride", "redeem"),
        ("Stripe events", "accounts_stripeevent_changelist", "accounts.view_stripeevent", "webhook"),
    ],
}


def navigation(request: HttpRequest) -> list[dict]:
    """The sidebar: groups with the places that this person may enter."""
    groups = []
    for group, places in PLACES.items():
        items = [
            {"title": title, "link": reverse(f"admin:{name}"), "icon": icon}
            for title, name, permission, icon in places
            if request.user.has_perm(permission)
        ]
        groups.append({"title": group, "items": items})
    return [group for group in groups if group["items"]]


def overview(request: HttpRequest, context: dict) -> dict:
    """The admin's front page: cards, the archive's progress, storage by role. Counts start at what one may see."""
    user = request.user
    context["title"] = "Overview"
    if user.has_perm("archive.see"):
        context |= {"cards": [*_archive(user), *_rest(user), *_people(user)], "archive": statistics()}
    if user.has_perm("catalog.view_blob"):
        context |= {"storage": _storage(), "stored": Blob.objects.aggregate(files=Count("pk"), bytes=Sum("size"))}
    return context


def _card(title: str, number: int, place: str, *, alarm: bool = False, **query: str) -> dict:
    address = f"{reverse(f'admin:{place}_changelist')}?{urlencode(query)}"
    return {"title": title, "number": number, "link": address, "alarm": alarm and number > 0}


def _archive(user) -> Iterator[dict]:
    waiting, now = Q(state__in=OPEN_STATES), timezone.now()
    found = ArchiveAsset.objects.visible_to(user).aggregate(
        waiting=Count("pk", filter=waiting),
        urgent=Count("pk", filter=waiting & Q(expires_at__gt=now, expires_at__lte=now + URGENT)),
        lost=Count("pk", filter=Q(state="lost")),
        quarantined=Count("pk", filter=Q(state="quarantined")),
    )
    place = "archive_archiveasset"
    yield _card("Waiting for the archive", found["waiting"], place, desk="open")
    yield _card("Expire within 2 days", found["urgent"], place, alarm=True, desk="open", expires="2d")
    yield _card("Lost", found["lost"], place, alarm=True, desk="lost")
    yield _card("Quarantined", found["quarantined"], place, alarm=True, desk="quarantined")


def _rest(user) -> Iterator[dict]:
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    refused = Upload.objects.visible_to(user).filter(state="refused", created_at__gte=today).count()
    failed = Track.objects.visible_to(user).filter(derivation__state="failed").exclude(status="removed").count()
    query = {"state": "refused", "created_at__gte": today.isoformat(sep=" ")}
    yield _card("Uploads refused today", refused, "uploads_upload", **query)
    yield _card("Preview or waveform failed", failed, "catalog_track", alarm=True, made="failed")


def _people(user) -> Iterator[dict]:
    now = timezone.now()
    if user.has_perm("accounts.view_letter"):
        failed = Letter.objects.filter(state="failed").count()
        yield _card("Letters given up", failed, "accounts_letter", alarm=True, state="failed")
    if user.has_perm("accounts.view_lockout"):
        locked = Lockout.objects.filter(locked_until__gt=now).values("email").distinct().count()
        yield _card("Accounts locked out", locked, "accounts_lockout", state="locked")
    if user.has_perm("accounts.view_subscription"):
        late = Subscription.objects.filter(status="past_due").count()
        yield _card("Payments past due", late, "accounts_subscription", status="past_due")


def _storage() -> list[dict]:
    roles = TrackFile.objects.order_by().values("role").annotate(files=Count("pk"), bytes=Sum("blob__size"))
    return sorted(roles, key=lambda row: -row["bytes"])
