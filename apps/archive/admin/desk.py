"""The archive on one page: the numbers beside their targets, charts, what is at risk and what is lost."""

import datetime as dt

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import date_format

from apps.archive import risks, series, statistics
from apps.archive.admin.facts import asset_badge
from apps.archive.models import Alarm, ArchiveAsset
from apps.lib import charts
from apps.lib.admin import countdown, span

SHOWN = 10
SOON_WORDS = {
    5: "5 s", 15: "15 s", 30: "30 s", 60: "1 min", 120: "2 min", 300: "5 min", 900: "15 min", 3600: "1 h",
    21_600: "6 h", 86_400: "1 d", None: "more",
}  # fmt: skip


def desk(model_admin, request: HttpRequest) -> HttpResponse:
    """Numbers are some seconds old at most, those of a month some minutes; the lists are of this moment."""
    if not request.user.has_perm("archive.see"):
        raise PermissionDenied
    found = statistics.lately()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Archive",
        "found": found,
        "measures": [*_measures(found)],
        "queue_age": span(dt.timedelta(seconds=found["queue"]["age_seconds"])),
        "charts": statistics.cached("charts", _charts, 60),
        "outcomes": statistics.cached("outcomes", _outcomes, 60),
        "alarms": Alarm.objects.visible_to(request.user).filter(state="raised").order_by("created_at"),
        "risks": _lines(risks.at_risk()),
        "lost": _lines(risks.lost()),
        "may_run": request.user.has_perm("archive.run"),
    }
    return TemplateResponse(request, "admin/archive/desk.html", context)


def _measures(found: dict):
    """(what, today, in thirty days, target, whether the thirty days keep it) of S3-15."""
    day, month, targets = found["last_day"], found["last_days"], found["targets"]
    yield (
        "Archived before expiry", _share(day["success_rate"]), _share(month["success_rate"]), "≥ 95 %",
        month["success_rate"] >= targets["success_rate"],
    )  # fmt: skip
    yield (
        "Failed for good", _share(day["failure_rate"]), _share(month["failure_rate"]), "< 1 %",
        month["failure_rate"] < targets["failure_rate"],
    )  # fmt: skip
    yield (
        "Mean time of a track", _seconds(day["mean_seconds"]), _seconds(month["mean_seconds"]), "< 5 min",
        (month["mean_seconds"] or 0) < targets["mean_seconds"],
    )  # fmt: skip
    yield "Lost files", day["lost"], month["lost"], "0", month["lost"] == targets["lost"]
    for name in ("p50", "p95", "p99"):
        yield (f"From finished to archived, {name}", *(_seconds(w["since_finished"][name]) for w in (day, month)), "",
               None)  # fmt: skip
        yield (f"From first known to archived, {name}", *(_seconds(w["since_known"][name]) for w in (day, month)), "",
               None)  # fmt: skip


def _share(share: float) -> str:
    return f"{100 * share:.2f} %"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    return f"{seconds:.1f} s" if seconds < 60 else span(dt.timedelta(seconds=seconds))


def _charts() -> list[dict]:
    """The two histograms."""
    expiry = series.until_expiry()
    soon = [(SOON_WORDS[step], number) for step, number in series.until_archived()]
    return [
        {"id": "expiry", "title": "Not archived yet, by time to expiry", "unit": "file", "values": expiry,
         "chart": charts.chart(expiry), "first": "over", "last": "later"},
        {"id": "soon", "title": "Archived within a day, by time it took", "unit": "file", "values": soon,
         "chart": charts.chart(soon), "first": "5 s", "last": "more"},
    ]  # fmt: skip


def _outcomes() -> list[dict]:
    """One chart for each provider: what became of files, by day."""
    made = []
    for name, days in series.outcomes().items():
        values = [(date_format(day, "j F"), counts) for day, counts in days]
        made.append({"provider": name, "values": values, "chart": charts.stacked(values)})
    return made


def _lines(rows) -> dict:
    """The first rows, with what to do, and whether there are more."""
    found = list(rows.select_related("track__source__provider")[: SHOWN + 1])
    return {"lines": [_line(asset) for asset in found[:SHOWN]], "more": len(found) > SHOWN}


def _line(asset: ArchiveAsset) -> dict:
    return {
        "asset": asset, "state": asset_badge(asset), "expires": countdown(asset.expires_at),
        "why": asset.error_message or asset.error_code or "No try yet.", "to_do": risks.to_do(asset),
    }  # fmt: skip
