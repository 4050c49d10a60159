"""A file straight into the bucket: begun here, sent there in parts by links, completed here (decision 0053).

Its bytes lie under `incoming/<upload id>` and are worth nothing until a worker has fetched, counted and hashed them.
While an upload has a `multipart_id` the bucket may hold something of it.
"""

import datetime as dt
import logging
import os
from itertools import takewhile
from pathlib import Path

from django.conf import settings

from apps.lib import clock, multipart, spool
from apps.lib.errors import Conflict, Refusal
from apps.lib.multipart import Lying, Part
from apps.lib.storage import ContentMismatch, ObjectMissing, StorageFailed
from apps.uploads import intake
from apps.uploads.models import Upload

log = logging.getLogger(__name__)

LINKS_AT_ONCE = 100
# A request that begins an upload has told its row of the bucket's id long before.
BEGUN_WITHIN = dt.timedelta(hours=1)
UNDER_WAY = ("receiving", "received")


def begin(*, user, size: int, checksums: bool = False, **facts) -> Upload:
    """As `intake.begin`; DIRECT_UNAVAILABLE 409 where no bucket is, STORAGE_FAILED 503.

    `checksums`: every part shall carry its SHA-256; `part_checksums` says whether the store knows how.
    """
    if not multipart.available():
        message = "Files do not lie in an object store here. Send yours by tus to /api/v1/uploads/tus, or by form."
        raise Conflict(message, code="DIRECT_UNAVAILABLE")
    upload = intake.begin(user=user, way=Upload.Way.DIRECT, size=size, **facts)
    try:
        upload.multipart_id, upload.part_checksums = multipart.begin(str(upload.pk), checksums=checksums)
    except StorageFailed as failure:
        intake.give_up(upload, failure.code, failure.message)
        raise
    upload.save(update_fields=["multipart_id", "part_checksums"])
    return upload


def links(upload: Upload, wanted: dict[int, str], *, now: dt.datetime | None = None) -> list[multipart.Link]:
    """Where to PUT the parts of these numbers, each with its SHA-256 in hex or "". Valid for an hour.

    Refusals: INVALID 400 for a part that the file does not have or whose SHA-256 is missing, EXPIRED 410, CONFLICT 409.
    """
    left = check_open(upload, now=now)
    sizes = multipart.sizes(upload.size_bytes)
    for number, sha256 in wanted.items():
        if number not in sizes:
            raise Refusal("INVALID", f"The file has the parts 1 to {len(sizes)}.")
        if upload.part_checksums and not sha256:
            raise Refusal("INVALID", "Say the SHA-256 of every part: the store checks it.")
    seconds = max(1, min(multipart.LINK_SECONDS, int(left.total_seconds())))
    return [
        multipart.link(
            str(upload.pk), upload.multipart_id, number, size=sizes[number], seconds=seconds,
            sha256=sha256 if upload.part_checksums else "",
        )
        for number, sha256 in wanted.items()
    ]  # fmt: skip


def arrived(upload: Upload) -> list[Part]:
    """The parts that the bucket has, by number; what they come to is noted."""
    try:
        parts = multipart.there(str(upload.pk), upload.multipart_id)
    except ObjectMissing:
        parts = []
    came = min(sum(part.size for part in parts), upload.size_bytes)
    Upload.objects.filter(pk=upload.pk, state="receiving").update(received_bytes=came)
    return parts


def check_open(upload: Upload, *, now: dt.datetime | None = None) -> dt.timedelta:
    """How long it may still take. Refusals: 410 with the reason when it is over, CONFLICT 409 when it is whole."""
    if upload.state == "refused":
        raise Refusal(upload.error_code, upload.error_message, status=410)
    if upload.state != "receiving":
        raise Conflict("All of the file is here already.")
    left = upload.expires_at - (now or clock.now())
    if left <= dt.timedelta():
        raise Refusal("EXPIRED", "The time for this upload is over. Begin it anew.", status=410)
    return left


def complete(upload: Upload, etags: dict[int, str] | None = None, *, now: dt.datetime | None = None) -> Upload:
    """The parts become the file, and the file is received; saying it again is harmless. The caller nudges the worker.

    `etags` by number, as the store gave them; parts that are not named are taken as they are there. Refusals:
    OFFSET_CONFLICT 409 with `missing` numbers, CHECKSUM_MISMATCH 422 with `wrong` ones, EXPIRED 410, STORAGE_FAILED.
    """
    if upload.state not in ("receiving", "refused"):
        return upload
    check_open(upload, now=now)
    name = str(upload.pk)
    try:
        parts = multipart.there(name, upload.multipart_id)
        _check_whole(upload, parts, etags or {})
        multipart.join(name, upload.multipart_id, parts)
    except ObjectMissing:
        log.info("upload %s: its parts are joined already, or gone", name)
    _check_size(upload)
    try:
        return intake.completed(upload, sha256="")
    except Conflict:
        upload.refresh_from_db()  # said twice at once, or ended meanwhile
        if upload.state in ("receiving", "refused"):
            raise
        return upload


def _check_whole(upload: Upload, parts: list[Part], etags: dict[int, str]) -> None:
    here, sizes = {part.number: part for part in parts}, multipart.sizes(upload.size_bytes)
    missing = [number for number, size in sizes.items() if number not in here or here[number].size != size]
    if missing:
        message = f"{len(sizes) - len(missing)} of {len(sizes)} parts are there. Send the missing ones."
        raise _refused(message, missing=missing[:LINKS_AT_ONCE])
    wrong = [number for number, etag in etags.items() if number not in here or here[number].etag != etag.strip('"')]
    if wrong:
        message = "The store has other bytes than you sent. Send these parts again."
        raise Refusal("CHECKSUM_MISMATCH", message, status=422, wrong=sorted(wrong)[:LINKS_AT_ONCE])


def _check_size(upload: Upload) -> None:
    try:
        there = multipart.size(str(upload.pk))
    except ObjectMissing:
        there = 0
    if there != upload.size_bytes:
        raise _refused(f"{there} of {upload.size_bytes} bytes are in the store. End this upload and begin anew.")


def _refused(message: str, **extra) -> Refusal:
    return Refusal("OFFSET_CONFLICT", message, status=409, **extra)


def end(upload: Upload) -> None:
    """The person gives it up: its quota is free, links are void. CONFLICT 409 once it is whole, 410 when it is over."""
    check_open(upload)
    message = "The upload was ended before it was whole."
    if not intake.give_up(upload, "TERMINATED", message, states=("receiving",)):
        raise Conflict("All of the file is here already.")
    clear(upload)


def at_hand(upload: Upload) -> Path:
    """Its bytes as a local file, fetched, counted and hashed; `sha256` is set.

    CHECKSUM_MISMATCH when another one was announced, STORAGE_FAILED while the store is away, FileNotFoundError when it
    has nothing of the upload.
    """
    path = intake.spooled(upload)
    if upload.sha256 and path.exists() and path.stat().st_size == upload.size_bytes:
        return path
    with spool.workspace(needed=upload.size_bytes) as folder:
        try:
            sha256 = multipart.fetch(str(upload.pk), folder / "incoming", size=upload.size_bytes)
        except ObjectMissing as gone:
            raise FileNotFoundError("the bucket has nothing of this upload") from gone
        if upload.announced_sha256 not in ("", sha256):
            raise ContentMismatch
        os.replace(folder / "incoming", path)
    upload.sha256 = sha256
    Upload.objects.filter(pk=upload.pk, state="received").update(sha256=sha256)
    return path


def clear(upload: Upload) -> bool:
    """Nothing of it is in the bucket any more. False when the store did not do it: the sweep comes back to it."""
    try:
        multipart.abort(str(upload.pk), upload.multipart_id)
        multipart.remove(str(upload.pk))
    except StorageFailed as failure:
        log.warning("upload %s was not cleared from the bucket: %s", upload.pk, failure)
        return False
    upload.multipart_id = ""
    Upload.objects.filter(pk=upload.pk).update(multipart_id="")
    return True


def sweep(*, most: int = 100) -> int:
    """Clear uploads that are over out of the bucket, until the store fails; returns how many."""
    over = Upload.objects.exclude(multipart_id="").exclude(state__in=UNDER_WAY)
    due = over.order_by("?")[:most] if multipart.available() else ()  # so that none stands in the way of the others
    return sum(1 for _ in takewhile(clear, due))


def sweep_bucket(*, now: dt.datetime | None = None) -> int:
    """Remove from `incoming/` what no row tells of: of people who left, of servers that died. Returns how much.

    Stops when the store fails.
    """
    if not multipart.available():
        return 0
    found = list(multipart.lying())
    named = Upload.objects.filter(pk__in={each.name for each in found})
    rows = {str(row.pk): row for row in named.only("state", "multipart_id")}
    left = [each for each in found if _is_left(each, rows.get(each.name), now or clock.now())]
    return sum(1 for _ in takewhile(_removed, left))


def _removed(lying: Lying) -> bool:
    try:
        if lying.multipart_id:
            multipart.abort(lying.name, lying.multipart_id)
        else:
            multipart.remove(lying.name)
    except StorageFailed as failure:
        log.warning("%s was not removed from the bucket: %s", lying.name, failure)
        return False
    return True


def _is_left(lying: Lying, upload: Upload | None, now: dt.datetime) -> bool:
    """An unknown one may be another site's in the same bucket, so it has as long as an upload can take."""
    age = now - lying.since
    if upload is None:
        return age > settings.UPLOAD_EXPIRES + BEGUN_WITHIN
    if upload.state in UNDER_WAY:
        return lying.multipart_id not in ("", upload.multipart_id) and age > BEGUN_WITHIN
    return True
