"""Staff's desk for the archive: what is about to expire, what went wrong, and the buttons to act on it."""

import datetime as dt

from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive import actions, tasks
from apps.archive.models import OPEN_STATES, ArchiveAsset, ArchiveJob
from apps.catalog.admin import TrackAdmin
from apps.catalog.models import Track
from apps.lib import nudges
from apps.lib.admin import (
    MOST_AT_ONCE,
    ReadOnlyAdmin,
    ReadOnlyTable,
    badge,
    button,
    choice_filter,
    countdown,
    link_to,
    moment,
    span,
)

ASSET_TONES = {
    "pending": "info",
    "running": "info",
    "archived": "success",
    "retrying": "warning",
    "gone_suspect": "warning",
    "quarantined": "danger",
    "lost": "danger",
}
JOB_TONES = {"pending": "info", "processing": "info", "completed": "success", "failed": "danger"}

STATUS = {state: (state, Q(status=state)) for state in ArchiveJob.machine.states}
DESK = {
    "open": ("open", Q(state__in=OPEN_STATES)),
    "archived": ("archived", Q(state="archived")),
    "lost": ("lost", Q(state="lost")),
    "gone": ("gone suspect", Q(state="gone_suspect")),
    "quarantined": ("quarantined", Q(state="quarantined")),
    "dropped": ("dropped with its track", Q(state="dropped")),
}


def _expires_within(length: dt.timedelta):
    return lambda now: Q(expires_at__gt=now, expires_at__lte=now + length)


EXPIRES = {
    "1h": ("within 1 hour", _expires_within(dt.timedelta(hours=1))),
    "24h": ("within 24 hours", _expires_within(dt.timedelta(days=1))),
    "2d": ("within 2 days", _expires_within(dt.timedelta(days=2))),
    "over": ("expired", lambda now: Q(expires_at__lte=now)),
}


def _having(rule: Q):
    """Tracks that have such an asset, without joining."""
    return lambda now: Exists(ArchiveAsset.objects.filter(rule, track=OuterRef("pk")))


ARCHIVED = {
    "waiting": ("waiting", _having(Q(state__in=OPEN_STATES))),
    "lost": ("lost", _having(Q(state="lost"))),
    "archived": ("archived", lambda now: _having(Q())(now) & ~_having(~Q(state="archived"))(now)),
    "urgent": ("expires within 2 days", lambda now: _having(DESK["open"][1] & EXPIRES["2d"][1](now))(now)),
}


def asset_badge(asset: ArchiveAsset) -> SafeString:
    return badge(asset.get_state_display(), ASSET_TONES.get(asset.state, ""))


def expiry_badge(asset: ArchiveAsset) -> SafeString | str:
    """How long its address still works; nothing once the bytes are ours."""
    return "" if asset.state in ("archived", "dropped") else countdown(asset.expires_at)


def due_words(asset: ArchiveAsset) -> SafeString | str:
    """When a worker takes it next; what is due waits for nothing but a worker."""
    due = asset.next_at and asset.next_at <= timezone.now()
    return "due now" if due else countdown(asset.next_at)


def reason(row) -> SafeString | str:
    """The error's code, its words on hover."""
    return format_html('<span title="{}">{}</span>', row.error_message, row.error_code) if row.error_code else ""


class _AssetFacts:
    """Columns of an asset, in the list and below a track."""

    @display(description="state")
    def state_badge(self, asset) -> SafeString:
        return asset_badge(asset)

    @display(description="expires", ordering="expires_at")
    def expires(self, asset) -> str:
        return expiry_badge(asset)

    @display(description="next try", ordering="next_at")
    def next_try(self, asset) -> str:
        return due_words(asset)


class _JobFacts:
    """Columns of a job, in the list and below a track."""

    @display(description="status")
    def status_badge(self, job) -> SafeString:
        return badge(job.status, JOB_TONES[job.status])

    @display(description="requested by")
    def asked_by(self, job) -> str:
        return str(job.requested_by or "the schedule")

    @display(description="took")
    def took(self, job) -> str:
        return span(job.completed_at - job.started_at) if job.completed_at and job.started_at else ""


@admin.register(ArchiveAsset)
class AssetAdmin(_AssetFacts, ReadOnlyAdmin):
    list_display = ["title", "kind", "provider", "state_badge", "expires", "attempts", "crashes", "next_try", "error"]
    list_filter = [
        choice_filter("state", "desk", DESK, default="open", at_hand=True),
        choice_filter("expiry", "expires", EXPIRES, at_hand=True),
        "kind",
        ("track__source__provider", admin.RelatedFieldListFilter),
    ]
    search_fields = ["track__title", "track__source__provider_track_id__exact", "error_code"]
    search_help_text = "Track's title, provider's id, error code, asset id or track id"
    identities = ("pk", "track")
    list_select_related = ["track__source__provider"]
    ordering = ["expires_at", "id"]
    sortable_by = ["expires", "next_try", "attempts", "crashes"]
    actions = ["archive_tracks", "retry_assets"]
    actions_row = actions_detail = ["retry", "archive_now"]
    fieldsets = [
        (None, {"fields": ["track", ("kind", "state_badge"), ("expires", "next_try"), "address"]}),
        ("Tries", {"fields": [("attempts", "crashes"), ("gone_checks", "gone_since"), "error_code", "error_message"]}),
        ("Result", {"fields": ["blob", "archived_at"]}),
        ("Record", {"fields": [("lease_until", "token"), ("created_at", "updated_at"), "id"]}),
    ]

    def has_run_permission(self, request) -> bool:
        return request.user.has_perm("archive.run")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("track__source__provider", "blob")

    def called(self, asset) -> str:
        return f"{asset.kind} of {asset.track}"

    @display(description="track")
    def title(self, asset) -> str:
        return str(asset.track)

    @display(description="provider")
    def provider(self, asset) -> str:
        return asset.track.source.provider.name

    @display(description="error")
    def error(self, asset) -> str:
        return reason(asset)

    @display(description="address")
    def address(self, asset) -> str:
        return asset.source_url

    @button("Retry", needs="archive.run", icon="replay", offered=lambda asset: asset.state in (*OPEN_STATES, "lost"))
    def retry(self, request, asset) -> str:
        actions.retry(asset=asset, by=request.user)
        nudges.send(tasks.work)
        return "It is due now; a worker takes it next."

    @button("Archive now", needs="archive.run", icon="archive", offered=lambda asset: asset.state != "dropped")
    def archive_now(self, request, asset) -> str:
        return _archive(request, asset.track)

    @admin.action(description="Archive now", permissions=["run"])
    def archive_tracks(self, request, queryset) -> None:
        """Once per track, however many of its files were chosen."""
        chosen = list({asset.track_id: asset for asset in queryset[:MOST_AT_ONCE]}.values())
        self.each(request, chosen, "Archive now", lambda asset: actions.request(track=asset.track, by=request.user))
        nudges.send(tasks.work)

    @admin.action(description="Retry", permissions=["run"])
    def retry_assets(self, request, queryset) -> None:
        self.each(request, queryset, "Retry", lambda asset: actions.retry(asset=asset, by=request.user))
        nudges.send(tasks.work)


@admin.register(ArchiveJob)
class JobAdmin(_JobFacts, ReadOnlyAdmin):
    list_display = ["title", "status_badge", "asked_by", "started", "took", "created", "error"]
    list_filter = [choice_filter("status", "status", STATUS, at_hand=True), "created_at"]
    search_fields = ["track__title", "track__source__provider_track_id__exact", "user__email"]
    search_help_text = "Track's title, provider's id, owner's e-mail, job id or track id"
    identities = ("pk", "track")
    ordering = ["-id"]
    sortable_by = ["created"]
    fieldsets = [
        (None, {"fields": ["track", "status_badge", ("asked_by", "owner"), ("started", "completed_at", "took")]}),
        ("Result", {"fields": ["error_message", "addresses"]}),
        ("Record", {"fields": ["metadata", ("created_at", "updated_at"), "id"]}),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("track", "user__profile", "requested_by__profile")

    @display(description="track")
    def title(self, job) -> str:
        return str(job.track)

    @display(description="owner")
    def owner(self, job) -> str:
        return str(job.user or "the house")

    @display(description="started")
    def started(self, job) -> str:
        return countdown(job.started_at)

    @display(description="created", ordering="id")
    def created(self, job) -> str:
        return countdown(job.created_at)

    @display(description="error")
    def error(self, job) -> SafeString:
        return format_html('<span class="clipped" title="{0}">{0}</span>', job.error_message)

    @display(description="addresses")
    def addresses(self, job) -> str:
        urls = [job.original_audio_url, job.original_cover_url, job.original_video_url]
        return "\n".join(filter(None, urls))


class _OfGenerated(ReadOnlyTable):
    """Only what came from a provider has rows here."""

    @classmethod
    def fits(cls, row) -> bool:
        return hasattr(row, "source")


class AssetsTable(_AssetFacts, _OfGenerated):
    model = ArchiveAsset
    verbose_name_plural = "archive"
    fields = ["asset", "state_badge", "expires", "attempts", "next_try", "error_code", "error_message"]

    @display(description="file")
    def asset(self, asset) -> SafeString:
        return link_to(asset, asset.kind)


class JobsTable(_JobFacts, _OfGenerated):
    model = ArchiveJob
    verbose_name_plural = "archive jobs"
    fields = ["job", "status_badge", "asked_by", "took", "error_message"]
    per_page = 5

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("requested_by").order_by("-id")

    @display(description="job")
    def job(self, job) -> SafeString:
        return link_to(job, moment(job.created_at))


@display(description="archive")
def archived(admin_page, track: Track) -> SafeString | str:
    """One badge for the track: the worst state of its assets, else how many are ours."""
    states = [asset.state for asset in track.assets_listed]
    for state in ("lost", "quarantined", "gone_suspect", "retrying"):
        if state in states:
            return badge(state.replace("_", " "), ASSET_TONES[state])
    ours = states.count("archived")
    if not states or "dropped" in states:
        return ""
    return badge("archived", "success") if ours == len(states) else badge(f"{ours} of {len(states)}", "info")


@button("Archive now", needs="archive.run", icon="archive",
        offered=lambda track: hasattr(track, "source") and track.status != "removed")  # fmt: skip
def archive_now(admin_page, request, track: Track) -> str:
    return _archive(request, track)


def _archive(request, track: Track) -> str:
    actions.request(track=track, by=request.user)
    nudges.send(tasks.work)
    return "The track is due now; a worker archives it next."


TrackAdmin.extend(
    columns=[archived],
    filters=[choice_filter("archive", "archive", ARCHIVED)],
    inlines=[AssetsTable, JobsTable],
    buttons=[archive_now],
    prefetch=[Prefetch("archive_assets", ArchiveAsset.objects.only("track_id", "state"), to_attr="assets_listed")],
)
