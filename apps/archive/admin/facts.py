"""How rows of the archive are shown, in lists and below a track."""

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive.models import ArchiveAsset
from apps.lib.admin import badge, countdown, span

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


class AssetFacts:
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


class JobFacts:
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
