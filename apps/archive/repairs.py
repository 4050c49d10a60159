"""A damage and its end: noted once, put right from wherever the right bytes still are, never by any others."""

import datetime as dt
import logging

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Greatest

from apps.archive import ledger
from apps.archive.models import STANDING, ArchiveAsset, Finding
from apps.catalog import files, providers
from apps.catalog.models import Blob, Track, TrackFile
from apps.lib import clock, fetch, spool, storage
from apps.lib.errors import Conflict
from apps.lib.fetch import FetchError
from apps.lib.storage import COPY, MAIN, Verdict

log = logging.getLogger(__name__)

VERIFIED = {MAIN: "verified_at", COPY: "copy_verified_at"}
OTHER = {MAIN: COPY, COPY: MAIN}
NOWHERE = "No place holds the right bytes, and no provider serves the file any more."


def read_at(place: str, now: dt.datetime) -> dict:
    """The column of a blob whose bytes were read there and are right.

    A long run's `now` is its beginning: a copy may have been made since, or forgotten.
    """
    if place == MAIN:
        return {VERIFIED[MAIN]: now}
    return {VERIFIED[COPY]: Case(When(copied_at__isnull=False, then=Greatest(Value(now), F("copied_at"))))}


@transaction.atomic
def note(blob: Blob, place: str, verdict: Verdict, *, now: dt.datetime) -> Finding:
    """The one finding that stands about these bytes in this place."""
    facts = {"size": blob.size, "what": verdict.what, "found_size": verdict.size, "found_sha256": verdict.sha256}
    finding, new = Finding.objects.get_or_create(
        sha256=blob.sha256, place=place, state__in=STANDING, defaults={**facts, "found_at": now}
    )
    if new:
        log.error("stored file %s is %s in %s", blob.sha256, verdict.what, place)
        _tell("damaged", finding)
    return finding


def mend(finding: Finding, *, now: dt.datetime | None = None) -> str:
    """Put right what stands, and the state it is in then.

    StorageFailed when a place does not answer; if that is the other one, the provider was asked instead, in vain.
    """
    now = now or clock.now()
    blob = Blob.objects.filter(sha256=finding.sha256).first()
    if blob is None or finding.place not in storage.places():
        return settle(finding, "gone")
    with files.kept(blob) as there:
        if not there:
            return settle(finding, "gone")
        if not _damaged(blob, finding.place):
            return settle(finding, "repaired", source="itself", now=now)
        other = OTHER[finding.place]
        has_other = other in storage.places() and getattr(blob, VERIFIED[other]) is not None
        away = None
        try:
            if has_other and not _damaged(blob, other):
                files.copy(blob, source=other, target=finding.place)
                return settle(finding, "repaired", source=other, now=now)
        except storage.StorageFailed as failure:  # a provider does not keep its file until the place is back
            away = failure
        why = _from_provider(blob, finding.place, now)
        if not why:
            return settle(finding, "repaired", source="provider", now=now)
        if away:
            raise away
    return settle(finding, "unrepairable", note=why)


def _damaged(blob: Blob, place: str) -> bool:
    return bool(storage.examine(blob.key, size=blob.size, place=place).what)


def _from_provider(blob: Blob, place: str, now: dt.datetime) -> str:
    """Fetch the file once more while its address lives; "" when it is ours again, else why it is not."""
    live = ArchiveAsset.objects.filter(blob=blob, state="archived", expires_at__gt=now).exclude(source_url="")
    why = NOWHERE
    for asset in live.select_related("track__source__provider").order_by("-expires_at")[:3]:
        try:
            with spool.workspace(blob.size) as folder:
                fetched = fetch.fetch(
                    asset.source_url,
                    folder / "incoming",
                    rules=providers.rules(asset.track.source.provider),
                    max_bytes=settings.FETCH_MAX_BYTES[asset.kind],
                    deadline=settings.FETCH_DEADLINE_S[asset.kind],
                )
                if fetched.sha256 == blob.sha256:
                    files.put_back(blob, fetched.path, place=place)
                    return ""
                why = f"The provider serves other bytes now: SHA-256 {fetched.sha256}."
        except (FetchError, spool.SpoolFull) as failure:
            why = f"The provider was asked for it again: {failure.message}"
    return why


def settle(finding: Finding, state: str, *, source: str = "", now: dt.datetime | None = None, note: str = "") -> str:
    """Move it where it does not stand there already; a repaired place counts as verified from now on."""
    mine = Finding.objects.filter(pk=finding.pk)
    with transaction.atomic():
        mine.filter(state__in=STANDING).update(note=note[:500])
        facts = {"repaired_from": source, "repaired_at": now} if state == "repaired" else {}
        if Finding.machine.move_all(mine, state, **facts):
            finding.refresh_from_db()
            log.warning("damaged file %s in %s: %s %s", finding.sha256, finding.place, state, source)
            if state == "repaired":
                Blob.objects.filter(sha256=finding.sha256).update(**read_at(finding.place, now))
                _tell("repaired", finding)
    return mine.values_list("state", flat=True).get()


def settle_well(blob: Blob, place: str, *, now: dt.datetime) -> None:
    """Somebody put it right: the same bytes came in again, or the disk found them."""
    for finding in Finding.objects.filter(sha256=blob.sha256, place=place, state__in=STANDING):
        settle(finding, "repaired", source="itself", now=now)


def settle_gone() -> None:
    """What nobody needs any more is no damage: the sweeper took the row, and will not say so here. Nor is one in a
    place that is no longer set; should it be set again, it is found again."""
    rows = Blob.objects.filter(sha256=OuterRef("sha256"))
    away = ~Exists(rows) | ~Q(place__in=storage.places())
    for finding in Finding.objects.filter(away, state__in=STANDING):
        settle(finding, "gone")


def ask(finding: Finding) -> None:
    """Have it looked at before its turn. Conflict when it does not stand any more, or its bytes are not needed."""
    blob = Blob.objects.filter(sha256=finding.sha256).first()
    if finding.state not in STANDING or blob is None:
        raise Conflict("There is nothing to look at any more.", code="NOTHING_TO_REPAIR")
    blob.ask()


def insist(finding: Finding) -> None:
    """Repair it at once. Conflict when it is not repaired then."""
    if finding.state not in STANDING:
        raise Conflict("There is nothing to look at any more.", code="NOTHING_TO_REPAIR")
    if mend(finding) in ("unrepairable", "written_off"):
        raise Conflict("No place and no provider has the right bytes.", code="UNREPAIRABLE")


@transaction.atomic
def write_off(finding: Finding) -> None:
    """Nothing can be done about it: no alarm any more. Looked at further, and repaired should the bytes come back.

    Conflict when it is not beyond repair, or its bytes are not needed.
    """
    if not Blob.objects.filter(sha256=finding.sha256).exists():
        raise Conflict("There is nothing to look at any more.", code="NOTHING_TO_REPAIR")
    if finding.state != "unrepairable":
        raise Conflict("It is not found to be beyond repair: repair it first.", code="NOT_BEYOND_REPAIR")
    Finding.machine.move(finding, "written_off")
    _tell("written_off", finding)


def concerned(hashes: list[str]) -> dict[str, list[tuple[Track, str]]]:
    """By SHA-256 the tracks that hold these bytes now, and as what."""
    found = {sha256: [] for sha256 in hashes}
    rows = TrackFile.objects.filter(blob__sha256__in=hashes).select_related("track", "blob")
    for row in rows.order_by("pk"):
        found[row.blob.sha256].append((row.track, row.role))
    return found


def _tell(event: str, finding: Finding) -> None:
    """The ledger hears of it in the same transaction."""
    facts = {"place": finding.place, "what": finding.what, "found_size": finding.found_size}
    if finding.repaired_from:
        facts["repaired_from"] = finding.repaired_from
    ledger.tell(sha256=finding.sha256, event=event, **facts)
