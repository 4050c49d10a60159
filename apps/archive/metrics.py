"""The archive's numbers in Prometheus' text format: counts by provider and state, never a person, track or address.

Written here in a few lines (decision 0066): every number is a count in the database, so that there is nothing for a
client library to gather in the process.
"""

import datetime as dt
import secrets
from collections.abc import Iterable

from django.conf import settings

from apps.archive import hosts, series, statistics
from apps.archive.models import Alarm
from apps.lib import clock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[str, dict[str, str], float]


def text() -> str:
    """The page, some seconds old at most, however many ask."""
    return statistics.cached("metrics", lambda: written(clock.now()))


def written(now: dt.datetime) -> str:
    lines = [line for name, kind, help_, samples in _families(now) for line in _family(name, kind, help_, samples)]
    return "\n".join([*lines, ""])


def _family(name: str, kind: str, help_: str, samples: Iterable[Sample]) -> Iterable[str]:
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {kind}"
    for suffix, labels, value in samples:
        said = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        labelled = f"{name}{suffix}{{{said}}}" if said else f"{name}{suffix}"
        yield f"{labelled} {int(value) if value == int(value) else float(value)}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _families(now: dt.datetime) -> Iterable[tuple[str, str, str, list[Sample]]]:
    numbers = statistics.cached("statistics", statistics.statistics)
    queue, storage = statistics.queue(now=now), statistics.cached(
        "storage", statistics.storage, statistics.KEPT_LONG_S
    )  # fmt: skip
    waiting = series.by_state()
    lost = sum(number for _, state, number in waiting if state == "lost")
    archived = [("", {"kind": kind}, each["files"]) for kind, each in sorted(storage["by_kind"].items())]
    yield "keeptrack_archive_files", "gauge", "Files that are not archived, by provider and state.", [
        ("", {"provider": provider, "state": state}, number) for provider, state, number in waiting
    ]  # fmt: skip
    yield "keeptrack_archive_archived_files", "gauge", "Files that are archived, by kind.", archived
    yield "keeptrack_archive_stored_bytes", "gauge", "Bytes of archived files, by kind.", [
        ("", {"kind": kind}, each["bytes"]) for kind, each in sorted(storage["by_kind"].items())
    ]  # fmt: skip
    yield (
        "keeptrack_archive_tracks",
        "gauge",
        "Tracks, as S3-10 counts them.",
        [
            ("", {"what": name}, numbers[name])
            for name in ("total_tracks", "total_archived", "pending_archive", "urgent_archive_needed", "expired_tracks")
        ],
    )
    yield "keeptrack_archive_lost_files", "gauge", "Files that are lost.", [("", {}, lost)]
    yield "keeptrack_archive_queue_age_seconds", "gauge", "Since when the oldest file is due.", [
        ("", {}, queue["age_seconds"])
    ]  # fmt: skip
    yield "keeptrack_archive_due_files", "gauge", "Files that a worker may take now.", [("", {}, queue["due"])]
    yield "keeptrack_archive_seconds_to_archived_bucket", "gauge", "Files of a day, by le seconds.", [
        ("", {"le": step}, number) for step, number in _heaped(series.until_archived(now=now))
    ]  # fmt: skip
    yield from _upkeep()
    raised = set(Alarm.objects.filter(state="raised").values_list("kind", flat=True))
    yield (
        "keeptrack_archive_alarm",
        "gauge",
        "1 while the alarm is raised.",
        [("", {"kind": kind}, kind in raised) for kind in Alarm.Kind.values],
    )


def _upkeep() -> Iterable[tuple[str, str, str, list[Sample]]]:
    """Hosts, stored bytes and closed days; a time that there is none of yet has no sample."""
    gates = statistics.cached("hosts", hosts.summed)
    fixity = statistics.cached("fixity", statistics.fixity, statistics.KEPT_LONG_S)
    closed = statistics.cached("ledger", statistics.ledger)
    findings = {"unrepairable": fixity["unrepairable_findings"]}
    findings["open"] = fixity["open_findings"] - findings["unrepairable"]
    yield "keeptrack_archive_hosts", "gauge", "Providers' hosts by state; shut and probing: the breaker is open.", [
        ("", {"state": state}, number) for state, number in gates["states"].items()
    ]  # fmt: skip
    yield "keeptrack_archive_findings", "gauge", "Damages of stored files that stand.", [
        ("", {"state": state}, number) for state, number in sorted(findings.items())
    ]  # fmt: skip
    yield "keeptrack_archive_unchecked_bytes", "gauge", "Stored bytes that were not read again in time.", [
        ("", {}, fixity["bytes_unchecked"])
    ]  # fmt: skip
    yield "keeptrack_archive_oldest_check_timestamp_seconds", "gauge", "When the longest unread file was read.", [
        ("", {}, each.timestamp()) for each in (fixity["oldest_check"],) if each
    ]  # fmt: skip
    yield "keeptrack_archive_files_without_copy", "gauge", "Stored files that lie in one place only.", [
        ("", {}, fixity["copies_missing"])
    ]  # fmt: skip
    yield "keeptrack_archive_orphans", "gauge", "Objects that no row names, as the stores were listed last.", [
        ("", {"place": place}, seen["orphans"]) for place, seen in sorted(fixity["orphans"].items())
    ]  # fmt: skip
    yield "keeptrack_archive_closed_day_timestamp_seconds", "gauge", "Midnight that begins the last closed day.", [
        ("", {}, dt.datetime.combine(each, dt.time(), dt.UTC).timestamp()) for each in (closed["last_closed"],) if each
    ]  # fmt: skip
    yield "keeptrack_archive_unclosed_days", "gauge", "Days of the ledger that are over and not closed.", [
        ("", {}, closed["unclosed_days"])
    ]  # fmt: skip


def _heaped(steps: list[tuple[int | None, int]]) -> Iterable[tuple[str, int]]:
    """Each step with all below it, as a histogram's buckets are."""
    total = 0
    for step, number in steps:
        total += number
        yield ("+Inf" if step is None else str(step)), total


def admits(token: str) -> bool:
    """Whether this is METRICS_TOKEN; nobody's when none is set."""
    return bool(settings.METRICS_TOKEN) and secrets.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
