"""What staff see first: the numbers that ask for a hand, each a link to its list; and the way around."""

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from django.core.cache import cache
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Letter, Lockout, Subscription
from apps.archive.models import OPEN_STATES, PRESSING, Alarm, ArchiveAsset, Finding
from apps.archive.statistics import URGENT, statistics
from apps.catalog import queues
from apps.catalog.models import Blob, Changeset, Duplicate, TrackFile
from apps.catalog.queues import MOST
from apps.social import moderation
from apps.uploads.models import Upload

MEASURED_FOR_S = 300
UNSETTLED = ("due", "running", "retrying", "previewed", "failed")

# Group → (title, model's address in the admin, permission, icon).
PLACES = {
    "": [("Overview", "index", "admin.enter", "dashboard")],
    "Catalogue": [
        ("Tracks", "catalog_track_changelist", "catalog.view_track", "library_music"),
        ("Duplicates", "catalog_duplicate_changelist", "catalog.view_duplicate", "difference"),
        ("Vocabulary", "catalog_term_changelist", "catalog.view_term", "dictionary"),
        ("Changes in bulk", "catalog_changeset_changelist", "catalog.view_changeset", "published_with_changes"),
        ("History", "catalog_change_changelist", "catalog.view_change", "history"),
        ("Stored files", "catalog_blob_changelist", "catalog.view_blob", "hard_drive"),
        ("Providers", "catalog_provider_changelist", "catalog.view_provider", "cloud_download"),
    ],
    "Playlists": [
        ("Playlists", "playlists_playlist_changelist", "playlists.view_playlist", "queue_music"),
        ("Tracks in playlists", "playlists_entry_changelist", "playlists.view_entry", "playlist_play"),
        ("Playlist files", "playlists_import_changelist", "playlists.view_import", "playlist_add"),
    ],
    "Community": [
        ("Reports", "social_report_changelist", "social.view_report", "flag"),
        ("Posts", "social_post_changelist", "social.view_post", "forum"),
        ("Comments", "social_comment_changelist", "social.view_comment", "comment"),
        ("Decisions", "social_decision_changelist", "social.view_decision", "gavel"),
        ("Old uses of the API", "social_deprecateduse_changelist", "accounts.see_all", "history_toggle_off"),
    ],
    "Uploads": [
        ("All uploads", "uploads_upload_changelist", "uploads.view_upload", "upload_file"),
        ("Add to the library", "uploads_upload_add", "catalog.curate", "library_add"),
        ("Compression", "uploads_compressionreport_changelist", "uploads.view_compressionreport", "compress"),
        ("Folders", "uploads_folderimport_changelist", "uploads.view_folderimport", "drive_folder_upload"),
        ("Quota by day", "uploads_quotaday_changelist", "uploads.view_quotaday", "data_usage"),
        ("Quota grants", "uploads_quotagrant_changelist", "uploads.view_quotagrant", "more_time"),
        ("Storage use", "uploads_upload_storage_use", "uploads.view_upload", "storage"),
    ],
    "Archive": [
        ("Archive", "archive_archiveasset_desk", "archive.see", "monitoring"),
        ("To archive", "archive_archiveasset_changelist", "archive.view_archiveasset", "hourglass_top"),
        ("Hosts", "archive_archivehost_changelist", "archive.view_archivehost", "dns"),
        ("Generations", "archive_generation_changelist", "archive.view_generation", "music_note"),
        ("Jobs", "archive_archivejob_changelist", "archive.view_archivejob", "work_history"),
        ("Damaged files", "archive_finding_changelist", "archive.view_finding", "heart_broken"),
        ("Orders", "archive_order_changelist", "archive.view_order", "checklist"),
        ("Alarms", "archive_alarm_changelist", "archive.view_alarm", "notification_important"),
        ("Ledger", "archive_ledgerentry_changelist", "archive.view_ledgerentry", "receipt_long"),
        ("Closed days", "archive_manifest_changelist", "archive.view_manifest", "lock_clock"),
        ("Verifications", "archive_verification_changelist", "archive.view_verification", "fact_check"),
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
    _mark_here(request.path, [item for group in groups for item in group["items"]])
    return [group for group in groups if group["items"]]


def _mark_here(path: str, items: list[dict]) -> None:
    """One place at most: a page below two of them belongs to the nearer one."""
    front = reverse("admin:index")
    above = [item["link"] for item in items if path == front or item["link"] != front]
    here = max((link for link in above if path.startswith(link)), key=len, default="")
    for item in items:
        item["active"] = item["link"] == here


def overview(request: HttpRequest, context: dict) -> dict:
    """The admin's front page: work queues, then the house in numbers. Counts start at what one may see."""
    user = request.user
    context["title"] = "Overview"
    if user.has_perm("archive.see"):
        waiting = [*_curation(user), *_community(user), *_archive(user), *_rest(user)]
        context |= {"queues": waiting, "cards": [*_people(user)]}
        context["archive"] = _measured("archive", statistics)
    if user.has_perm("catalog.view_blob"):
        context |= _measured("storage", _storage)
    return context


def _measured(name: str, measure: Callable[[], dict]) -> dict:
    """What is counted over whole tables, at most once in a while."""
    return cache.get_or_set(f"overview.{name}", measure, MEASURED_FOR_S)


def _card(title: str, rows: QuerySet, place: str, to_do: str = "", *, alarm: bool = False, **query: str) -> dict:
    """One number, counted no further than `MOST`, and the list of just those rows."""
    number = rows.order_by()[:MOST].count()
    address = f"{reverse(f'admin:{place}_changelist')}?{urlencode(query)}"
    shown = f"{number:,}" + "+" * (number == MOST)
    return {"title": title, "to_do": to_do, "number": number, "shown": shown, "link": address,
            "alarm": alarm and number > 0}  # fmt: skip


def _curation(user) -> Iterator[dict]:
    """Tracks that wait for a curator."""
    for name, queue in queues.QUEUES.items():
        rows = queues.tracks(user, name)
        yield _card(queue.title, rows, "catalog_track", queue.to_do, alarm=name == "failed", queue=name)
    pairs = Duplicate.objects.visible_to(user).filter(state="open")
    yield _card("Duplicates", pairs, "catalog_duplicate", "Pairs that may be one track.", state="open")
    if user.has_perm("catalog.view_changeset"):
        unsettled = Changeset.objects.filter(state__in=UNSETTLED)
        yield _card("Changes in bulk", unsettled, "catalog_changeset", "In work, or to be decided on.", stands="open")


def _community(user) -> Iterator[dict]:
    """Posts and comments, each once, however many people reported it."""
    if user.has_perm("social.moderate"):
        reported = moderation.queue(user)
        yield _card("Reported", reported, "social_report", "Posts and comments.", alarm=True, state="open")


def _archive(user) -> Iterator[dict]:
    now, place = timezone.now(), "archive_archiveasset"
    rows = ArchiveAsset.objects.visible_to(user)
    waiting = rows.filter(state__in=OPEN_STATES)
    soon = waiting.filter(expires_at__gt=now, expires_at__lte=now + URGENT)
    raised = Alarm.objects.visible_to(user).filter(state="raised")
    yield _card("Alarms", raised, "archive_alarm", "The archive’s promise is in danger.", alarm=True, state="raised")
    yield _card("About to expire", soon, place, "Within 2 days, and no copy of our own.", alarm=True, desk="open",
                expires="2d")  # fmt: skip
    yield _card("Lost", rows.filter(state="lost"), place, "Gone before they were saved.", alarm=True, desk="lost")
    quarantined = waiting.filter(state="quarantined")
    yield _card("Quarantined", quarantined, place, "They killed their worker.", alarm=True, desk="quarantined")
    damaged = Finding.objects.visible_to(user).filter(state__in=PRESSING)
    yield _card("Damaged files", damaged, "archive_finding", "Stored, and not repaired.", alarm=True, desk="standing")
    yield _card("Waiting for the archive", waiting, place, "Workers take them one by one.", desk="open")


def _rest(user) -> Iterator[dict]:
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    refused = Upload.objects.visible_to(user).filter(state="refused", created_at__gte=today)
    query = {"state": "refused", "created_at__gte": today.isoformat(sep=" ")}
    yield _card("Uploads refused today", refused, "uploads_upload", "No music, broken, or not sent in full.", **query)


def _people(user) -> Iterator[dict]:
    now = timezone.now()
    if user.has_perm("accounts.view_letter"):
        failed = Letter.objects.filter(state="failed")
        yield _card("Letters given up", failed, "accounts_letter", alarm=True, state="failed")
    if user.has_perm("accounts.view_lockout"):
        locked = Lockout.objects.filter(locked_until__gt=now).values("email").distinct()
        yield _card("Accounts locked out", locked, "accounts_lockout", state="locked")
    if user.has_perm("accounts.view_subscription"):
        late = Subscription.objects.filter(status="past_due")
        yield _card("Payments past due", late, "accounts_subscription", status="past_due")


def _storage() -> dict:
    """Files and bytes by role, and once each however many tracks share them."""
    roles = TrackFile.objects.order_by().values("role").annotate(files=Count("pk"), bytes=Sum("blob__size"))
    stored = Blob.objects.aggregate(files=Count("pk"), bytes=Sum("size"))
    return {"storage": sorted(roles, key=lambda row: -row["bytes"]), "stored": stored}
