"""What the archive adds to a track's page and to the list of tracks."""

from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive.admin.assets import DESK, EXPIRES, archive_track
from apps.archive.admin.facts import ASSET_TONES, AssetFacts, JobFacts
from apps.archive.models import OPEN_STATES, ArchiveAsset, ArchiveJob
from apps.catalog.admin import TrackAdmin
from apps.catalog.models import Track
from apps.lib.admin import ReadOnlyTable, badge, button, choice_filter, link_to, moment


def _having(rule: Q):
    """Tracks that have such an asset, without joining."""
    return lambda now: Exists(ArchiveAsset.objects.filter(rule, track=OuterRef("pk")))


ARCHIVED = {
    "waiting": ("waiting", _having(Q(state__in=OPEN_STATES))),
    "lost": ("lost", _having(Q(state="lost"))),
    "archived": ("archived", lambda now: _having(Q())(now) & ~_having(~Q(state="archived"))(now)),
    "urgent": ("expires within 2 days", lambda now: _having(DESK["open"][1] & EXPIRES["2d"][1](now))(now)),
}


class _OfGenerated(ReadOnlyTable):
    """Only what came from a provider has rows here."""

    @classmethod
    def fits(cls, row) -> bool:
        return hasattr(row, "source")


class AssetsTable(AssetFacts, _OfGenerated):
    model = ArchiveAsset
    verbose_name_plural = "archive"
    fields = ["asset", "state_badge", "expires", "attempts", "next_try", "error_code", "error_message"]

    @display(description="file")
    def asset(self, asset) -> SafeString:
        return link_to(asset, asset.kind)


class JobsTable(JobFacts, _OfGenerated):
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
    return archive_track(request, track)


TrackAdmin.extend(
    columns=[archived],
    filters=[choice_filter("archive", "archive", ARCHIVED)],
    inlines=[AssetsTable, JobsTable],
    buttons=[archive_now],
    prefetch=[Prefetch("archive_assets", ArchiveAsset.objects.only("track_id", "state"), to_attr="assets_listed")],
)
