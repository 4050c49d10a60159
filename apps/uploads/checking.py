"""Reading what was received: what it is, where it is kept, whose track it becomes (S0-14).

A queue of rows under leases. A fault of the file refuses the upload and gives its quota back. A fault of ours, a full
disk or a store that is away, is tried again until it has passed: the bytes stay in the spool.
"""

import datetime as dt
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import DataError, IntegrityError, OperationalError, transaction

from apps.catalog import actions as catalog
from apps.catalog import files, history
from apps.catalog.models import Track
from apps.lib import clock, leases, spool
from apps.lib.errors import Refusal
from apps.lib.media import Probe
from apps.uploads import direct, intake, proposal, replacing, sameness
from apps.uploads.models import Check, Upload

log = logging.getLogger(__name__)

DELAYS = tuple(dt.timedelta(minutes=m) for m in (1, 2, 5, 15, 60))
FAULTS = (Refusal, OSError, OperationalError, IntegrityError, DataError)
MISSING = "FILE_MISSING"
PASSING = leases.OWN_FAULTS | {MISSING}


def claim(*, limit: int, now: dt.datetime | None = None, upload: Upload | None = None) -> list[Check]:
    """Due rows, the longest waiting first; of one upload only when given."""
    rows = Check.objects.order_by("next_at")
    if upload is not None:
        rows = rows.filter(upload=upload)
    return leases.claim(rows, Check.machine, limit=limit, now=now)


def run(row: Check, *, now: dt.datetime | None = None) -> bool:
    """Work one claimed row off. True when the upload has its track; else it is refused, or tried again later."""
    try:
        return attempt(row)
    except FAULTS as failure:
        _settle_failure(row, failure, now or clock.now())
        return False


def attempt(row: Check) -> bool:
    """One try, whose faults are the caller's. False when somebody else has settled it meanwhile."""
    upload = Upload.objects.select_related("user").filter(pk=row.upload_id).first()
    if upload is None:
        return False
    row.upload = upload
    if upload.state != "received":
        return row.settle("done")
    with leases.held(row):
        path = at_hand(upload)
        with ThreadPoolExecutor(1) as hand:  # which reads it while the child does
            read = hand.submit(_sha256, path)
            probe, said = proposal.read(path)
        with files.stored(path, form=probe.format, sha256=upload.sha256, ours=read.result()) as stored:
            settled = _admitted(row, upload, stored, probe, said)
    if settled:
        path.unlink(missing_ok=True)
        if upload.multipart_id:
            direct.clear(upload)
    return settled


def _sha256(path: Path) -> str:
    """Nothing where somebody may still write, say a request that lost its lock: then the store takes a copy."""
    with path.open("rb") as file:
        return "" if spool.may_change(file) else hashlib.file_digest(file, "sha256").hexdigest()


def at_hand(upload: Upload) -> Path:
    """Its bytes as a local file."""
    return direct.at_hand(upload) if upload.way == Upload.Way.DIRECT else intake.spooled(upload)


def _admitted(row: Check, upload: Upload, stored: files.Kept, probe: Probe, said: dict) -> bool:
    """The bytes are stored and verified: now the rows, all or none."""
    if upload.replaces_id:
        return _replaced(row, upload, stored, probe)
    with history.said(by=upload.user):
        if not row.settle("done", attempts=row.attempts + 1):
            return False
        if track := sameness.existing(upload, stored.sha256):
            Upload.machine.move(upload, "ready", track=track, is_duplicate=True, title=track.title)
            return True
        facts = _facts(upload, said)
        track = catalog.create(**facts, by=upload.user)
        files.attach_original(track=track, blob=stored.blob, probe=probe)
        proposal.dress(track, said)
        Track.machine.move(track, "ready")
        Upload.machine.move(upload, "checked", track=track, title=track.title, proposal=said)
    return True


def _replaced(row: Check, upload: Upload, stored: files.Kept, probe: Probe) -> bool:
    with history.said(by=upload.user):
        same = sameness.existing(upload, stored.sha256)
        if same:
            Upload.machine.move(upload, "ready", track=same, is_duplicate=True)
            return row.settle("done", attempts=row.attempts + 1)
    replacing.replace(upload, stored, probe)
    row.settle("done", attempts=row.attempts + 1)
    return True


def _facts(upload: Upload, said: dict) -> dict:
    """The track's facts as they were said and, where nothing was said, as the file says."""
    typed = {name: Track._meta.get_field(name).to_python(value) for name, value in upload.facts.items()
             if name != "library"}  # fmt: skip
    facts = proposal.filled(typed, said)
    kind = Track.Kind.LIBRARY if upload.facts.get("library") else Track.Kind.UPLOADED
    title = facts.pop("title", "") or intake.stem(upload.file_name)
    return {**facts, "title": title, "owner": sameness.owner_of(upload), "kind": kind}


def refusal_of(failure: Exception) -> Refusal:
    """What a person is told of any of the FAULTS."""
    if isinstance(failure, Refusal):
        return failure
    if isinstance(failure, IntegrityError | DataError):
        log.warning("refused by the database: %s", str(failure).splitlines()[0])
        return Refusal("INVALID", "What was said of the track contradicts itself or what is stored.", status=400)
    if isinstance(failure, FileNotFoundError):
        return Refusal(MISSING, "The file is not where it was kept.", status=503)
    return Refusal("IO_ERROR", "The file could not be worked on. Try again in a moment.", status=503)


def _settle_failure(row: Check, failure: Exception, now: dt.datetime) -> None:
    refusal = refusal_of(failure)
    tries = row.attempts if row.error_code == refusal.code else 0  # that ended alike, one after the other
    if refusal.code == MISSING and tries >= len(DELAYS):
        refusal = Refusal("STORAGE_FAILED", "The server lost the file. Upload it again.")
    elif refusal.code in PASSING:
        wait = DELAYS[min(tries, len(DELAYS) - 1)] * leases.jitter()
        log.warning("check of upload %s failed (%s): %s", row.upload_id, refusal.code, failure)
        facts = {"error_code": refusal.code, "error_message": refusal.message[:500], "crashes": 0}
        row.settle("retrying", next_at=now + wait, attempts=tries + 1, **facts)
        return
    with transaction.atomic():
        if row.settle("failed", attempts=tries + 1, error_code=refusal.code, error_message=refusal.message[:500]):
            intake.give_up(row.upload, refusal.code, refusal.message)


def give_up_poison() -> int:
    """Refuse files that keep killing their worker; returns how many."""
    message = "The file could not be read. Export it again from your audio program."
    dying = leases.poison(Check.objects.select_related("upload"), Check.machine)
    return sum(intake.give_up(row.upload, "MEDIA_TOO_COMPLEX", message) for row in dying)
