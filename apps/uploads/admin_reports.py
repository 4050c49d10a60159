"""Staff's window on what compression saved: every file, and the last month as a chart."""

import datetime as dt

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.lib import charts, sizes
from apps.lib.admin import ReadOnlyAdmin, badge, choice_filter, link_to, moment
from apps.uploads import reports
from apps.uploads.models import CompressionReport

UNITS = ("bytes", "kB", "MB", "GB", "TB")
TONES = {"medium": "success", "speech": "info", "lossless": ""}
QUALITIES = {name: (name, Q(quality=name)) for name in CompressionReport.Quality.values}


@admin.register(CompressionReport)
class CompressionReportAdmin(ReadOnlyAdmin):
    list_display = [
        "file",
        "quality_badge",
        "before",
        "after",
        "ratio",
        "saved",
        "rates",
        "took",
        "to_track",
        "created",
    ]
    list_filter = [choice_filter("quality", "quality", QUALITIES, at_hand=True), "created_at"]
    search_fields = ["file_name", "user__email"]
    search_help_text = "File name, person's e-mail or report id"
    ordering = ["-id"]
    sortable_by = ["before", "after", "ratio", "took", "created"]
    list_before_template = "admin/uploads/savings.html"
    fields = [
        "file", "quality_badge", ("before", "after", "ratio", "saved"), ("rates", "took"), "track", "user",
        ("created_at", "id"),
    ]  # fmt: skip

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("track", "user")

    def called(self, report) -> str:
        return report.file_name or str(report.pk)

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {**(extra_context or {}), **savings_chart(request)})

    @display(description="file")
    def file(self, report) -> str:
        return report.file_name or "—"

    @display(description="quality")
    def quality_badge(self, report) -> SafeString:
        return badge(report.quality, TONES[report.quality])

    @display(description="original", ordering="original_size")
    def before(self, report) -> str:
        return sizes.words(report.original_size)

    @display(description="served", ordering="compressed_size")
    def after(self, report) -> str:
        return sizes.words(report.compressed_size)

    @display(description="saved")
    def saved(self, report) -> str:
        return sizes.words(report.original_size - report.compressed_size) if report.applied else ""

    @display(description="bit rate")
    def rates(self, report) -> str:
        known = [str(round(rate / 1000)) for rate in (report.original_bit_rate, report.bit_rate) if rate]
        return f"{' → '.join(known if report.applied else known[:1])} kbit/s" if known else ""

    @display(description="took", ordering="processing_ms")
    def took(self, report) -> str:
        return f"{report.processing_ms / 1000:.1f} s"

    @display(description="track")
    def to_track(self, report) -> SafeString | str:
        return link_to(report.track)

    @display(description="created", ordering="id")
    def created(self, report) -> str:
        return moment(report.created_at)


def savings_chart(request: HttpRequest) -> dict:
    """The last month for the page's template: a chart in the unit that fits, and the sums."""
    found = reports.savings(viewer=request.user, today=timezone.now().astimezone(dt.UTC).date())
    most = max(saved for _, saved in found.days)
    power = next((n for n in range(len(UNITS)) if most < 10_000 * 1000**n), len(UNITS) - 1)
    values = [(date_format(day, "j F"), max(0, round(saved / 1000**power))) for day, saved in found.days]
    return {"savings": found, "chart": charts.chart(values), "unit": UNITS[power], "day_values": values}
