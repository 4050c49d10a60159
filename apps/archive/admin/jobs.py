"""Runs over tracks, as people see them (S3-04)."""

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive.admin.facts import JobFacts
from apps.archive.models import ArchiveJob
from apps.lib.admin import ReadOnlyAdmin, choice_filter, countdown

STATUS = {state: (state, Q(status=state)) for state in ArchiveJob.machine.states}


@admin.register(ArchiveJob)
class JobAdmin(JobFacts, ReadOnlyAdmin):
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
