"""The archive on one page: the numbers beside their targets, charts, what is at risk and what is lost."""

import datetime as dt

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html

from apps.archive import risks, series, statistics
from apps.archive.admin.facts import asset_badge
from apps.archive.admin.hosts import TONES
from apps.archive.models import Alarm, ArchiveAsset
from apps.lib import charts, sizes, storage
from apps.lib.admin import badge, countdown, span

SHOWN = 10
BLOBS = "admin:catalog_blob_changelist"
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
        "upkeep": [*_upkeep(found, reverse(BLOBS) if request.user.has_perm("catalog.view_blob") else "")],
        "hosts": [_host(row) for row in found["hosts"]["left_alone"]],
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
        yield (f"From finished to archived, {name}", *(_seconds(w["since_finished"][name]) for w in (day, month)), "—",
               None)  # fmt: skip
        yield (f"From first known to archived, {name}", *(_seconds(w["since_known"][name]) for w in (day, month)), "—",
               None)  # fmt: skip


def _upkeep(found: dict, blobs: str):
    """What is looked after without anybody asking: (title, number, words, whether somebody should look, list).

    `blobs` is where stored files are listed, empty for whom they are not.
    """
    states, fixity, ledger = found["hosts"]["states"], found["fixity"], found["ledger"]
    shut = states["shut"] + states["probing"]
    yield (
        "Hosts left alone", shut + states["paused"], f"Of {sum(states.values())} known; {shut} did not answer.",
        shut > 0, f"{reverse('admin:archive_archivehost_changelist')}?gate=held",
    )  # fmt: skip
    beyond = fixity["unrepairable_findings"]
    yield (
        "Damaged files", fixity["open_findings"], f"Stored, and not repaired; {beyond} beyond repair.",
        fixity["open_findings"] > 0, f"{reverse('admin:archive_finding_changelist')}?desk=standing",
    )  # fmt: skip
    late, total = fixity["bytes_unchecked"], sizes.words(fixity["bytes_total"])
    oldest = countdown(fixity["oldest_check"]) or "never"
    yield (
        "Not read in time", sizes.words(late), format_html("Of {}; the longest unread was read {}.", total, oldest),
        late > 0, blobs,
    )  # fmt: skip
    alone = f"{sizes.words(fixity['bytes_without_copy'])} lie in one place only."
    two = storage.COPY in storage.places()
    yield "Without a copy", fixity["copies_missing"], alone if two else "No second place is set.", False, blobs
    lying = sum(seen["orphans"] + seen["half_written"] for seen in fixity["orphans"].values())
    yield (
        "Orphans", lying if fixity["orphans"] else "—", "Objects of no row, as listed last; they go after two days.",
        False, "",
    )  # fmt: skip
    closed = date_format(ledger["last_closed"], "j M") if ledger["last_closed"] else "—"
    words = f"Head {ledger['head'][:12]}." if ledger["head"] else "A day is closed soon after its end, UTC."
    late = ledger["unclosed_days"]
    words = f"{late} more over and not closed. {words}" if late else words
    yield "Last closed day", closed, words, late > 1, reverse("admin:archive_manifest_changelist")


def _host(row: dict) -> dict:
    return {
        "name": row["host"], "state": badge(row["state"], TONES[row["state"]]), "opens": countdown(row["opens_at"]),
        "answered": countdown(row["last_success_at"]), "why": row["error_code"] or "It asked for patience.",
    }  # fmt: skip


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
        "asset": asset, "state": asset_badge(asset), "when": countdown(asset.lost_at or asset.expires_at),
        "why": asset.error_message or asset.error_code or "No try yet.", "to_do": risks.to_do(asset),
    }  # fmt: skip
