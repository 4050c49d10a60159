"""Bytes on their way in, whichever way they come: begun, whole, or given up (decision 0051).

A begun upload is a row that holds its bytes of the day's quota and a file of its own in the spool. What a killed
server leaves of it is found by `expire` and `sweep_spool`: no byte stays and no quota is held for nothing.
"""

import datetime as dt
import json
import logging
import os
import re
import unicodedata
from pathlib import Path

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q, Sum

from apps.accounts.access import may
from apps.catalog import actions as catalog
from apps.catalog import identifiers, vocabulary
from apps.catalog.models import Track
from apps.lib import clock, locks, spool
from apps.lib.errors import Conflict, Forbidden, Refusal
from apps.lib.records import uuid7
from apps.lib.storage import ContentMismatch
from apps.lib.text import is_blank
from apps.uploads import quota
from apps.uploads.models import Check, Upload

log = logging.getLogger(__name__)

SHA256 = re.compile(r"[0-9a-f]{64}")
# Begun when it is here as a whole: nobody waits behind it for longer. What comes by parts has UPLOAD_EXPIRES.
AT_ONCE = (Upload.Way.FORM, Upload.Way.FOLDER)
FORM_TAKES = dt.timedelta(hours=1)


def begin(
    *,
    user,
    way: str,
    size: int,
    file_name: str,
    content_type: str = "",
    announced_sha256: str = "",
    replaces: Track | None = None,
    held: Upload | None = None,
    **facts,
) -> Upload:
    """A `receiving` upload of `size` bytes, which the person's quota holds from now on.

    `facts` are the track's words and switches; with `library` it becomes the house's own, which only staff who curate
    may do (S1-03). No quota counts that, nor what staff import from a folder. `replaces` is a track that `user` may
    edit, whose audio it becomes. `held` is what `hold` gave for the same form: it is taken up in it.
    Refusals: FORBIDDEN 403, INVALID and EMPTY_FILE 400, FILE_TOO_LARGE and QUOTA_EXCEEDED 413, TOO_MANY_UPLOADS 429,
    DISK_FULL 507.
    """
    check_size(size)
    facts = _checked(user, facts)
    if announced_sha256 and not SHA256.fullmatch(announced_sha256):
        raise Refusal("INVALID", "A SHA-256 is 64 lower-case hexadecimal digits.")
    file_name = tidy_name(file_name)
    if way != Upload.Way.DIRECT:
        spool.check_room(size)
    upload = Upload(
        id=uuid7(),
        user=user,
        way=way,
        size_bytes=size,
        file_name=file_name,
        content_type=_plain(content_type)[:100],
        announced_sha256=announced_sha256,
        replaces=replaces,
        title=facts["title"] or stem(file_name),
        facts=json.loads(json.dumps(facts, cls=DjangoJSONEncoder)),
    )
    upload.file_key = f"uploads/{user.pk}/{upload.pk}"
    with transaction.atomic():
        locks.until_commit("uploads begin")
        if held is not None:
            withdraw(held)
        _check_count(user)
        if way != Upload.Way.DIRECT:
            _check_spool(size)
        if not facts.get("library") and way != Upload.Way.FOLDER:
            upload.reserved_on = quota.reserve(user, size)
            upload.reserved_bytes = size
        upload.expires_at = clock.now() + (FORM_TAKES if way in AT_ONCE else settings.UPLOAD_EXPIRES)
        upload.save(force_insert=True)
    return upload


def hold(*, user, size: int) -> Upload:
    """Room for a form that is on its way and has `size` bytes at least; refusals as of `begin`.

    Whoever holds it takes it up by `begin` or withdraws it; what a killed server holds expires.
    """
    return begin(user=user, way=Upload.Way.FORM, size=min(size, settings.UPLOAD_MAX_BYTES), file_name="")


@transaction.atomic
def withdraw(held: Upload) -> None:
    """A held upload that came to nothing was never there. Nothing happens to one that is over or has begun."""
    row = Upload.objects.select_for_update().filter(pk=held.pk, state="receiving").first()
    if row is not None:
        quota.refund(row)
        row.delete()


def check_size(size: int) -> None:
    """EMPTY_FILE, or FILE_TOO_LARGE (S0-18)."""
    if size <= 0:
        raise Refusal("EMPTY_FILE", "The file is empty. Choose another one.")
    if size > settings.UPLOAD_MAX_BYTES:
        raise too_large()


def too_large() -> Refusal:
    limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
    return Refusal("FILE_TOO_LARGE", f"The file is larger than {limit}MB.", status=413)


def _checked(user, facts: dict) -> dict:
    """The track's facts with a clean title, or the refusal of what this person may not say."""
    facts = vocabulary.canonical(identifiers.clean(facts))
    facts["title"] = catalog.clean_title(title) if (title := facts.get("title", "").strip()) else ""
    if facts.get("library") and not may(user, "catalog.curate"):
        raise Forbidden("Only staff who curate add tracks to the library. Upload it as your own.")
    if facts.get("is_pro_only") and not facts.get("library"):
        message = "Only tracks of the library are for pro members alone."
        raise Refusal("INVALID", message, fields={"is_pro_only": [message]})
    return facts


def _check_count(user) -> None:
    if Upload.objects.filter(user=user, state="receiving").count() >= settings.UPLOADS_AT_ONCE:
        message = (
            f"{settings.UPLOADS_AT_ONCE} of your uploads are under way. Finish one of them first, or take it back."
        )
        raise Refusal("TOO_MANY_UPLOADS", message, status=429)


def _check_spool(size: int) -> None:
    """What everybody's uploads may take of the disk together; what goes to the object store takes none of it."""
    here = Upload.objects.filter(state__in=["receiving", "received"]).exclude(way=Upload.Way.DIRECT)
    if (here.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0) + size > settings.UPLOAD_SPOOL_BYTES:
        raise spool.SpoolFull


def tidy_name(name: str) -> str:
    """A file name for showing only, never for a path: the last part, no control or bidi characters, 255 at most."""
    return _plain(name.replace("\\", "/").rpartition("/")[2])[:255] or "untitled"


def _plain(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c)[0] != "C").strip()


def stem(file_name: str) -> str:
    """What a track is called that nobody gave a title."""
    name = Path(file_name).stem.strip()[:255]
    return "untitled" if is_blank(name) else name


def spooled(upload: Upload) -> Path:
    """Where its bytes lie until they are stored: a private file named by the upload alone."""
    folder = settings.SPOOL / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / str(upload.pk)


@transaction.atomic
def completed(upload: Upload, *, sha256: str) -> Upload:
    """All bytes are there: `received`, and a row for the worker that checks them; the caller nudges it.

    `sha256` is of the bytes as they lie there; "" only for `direct`, whose checker counts it. CHECKSUM_MISMATCH 422
    when another one was announced, OFFSET_CONFLICT 409 while some are missing, CONFLICT when it is over.
    """
    if upload.announced_sha256 and sha256 and sha256 != upload.announced_sha256:
        raise ContentMismatch
    if upload.way != Upload.Way.DIRECT:
        _kept(upload)
    Upload.machine.move(upload, "received", sha256=sha256, received_bytes=upload.size_bytes)
    Check.objects.create(upload=upload, next_at=clock.now())
    return upload


def _kept(upload: Upload) -> None:
    """All is there and survives a power cut: nobody sends again what was acknowledged. A form is stored at once."""
    try:
        with spooled(upload).open("rb") as file:
            there = os.fstat(file.fileno()).st_size
            if there == upload.size_bytes and upload.way != Upload.Way.FORM:
                os.fsync(file.fileno())
    except FileNotFoundError:
        there = 0
    if there != upload.size_bytes:
        raise Conflict(f"{there} of {upload.size_bytes} bytes are there.", code="OFFSET_CONFLICT")


def give_up(
    upload: Upload, code: str, message: str, *, states: tuple[str, ...] = Upload.machine.sources("refused")
) -> bool:
    """Refuse it: its quota is given back and its bytes go. False when it is in none of these states any more."""
    with transaction.atomic():
        row = Upload.objects.select_for_update().filter(pk=upload.pk, state__in=states)
        if not (row := row.first()):
            return False
        quota.refund(row)
        facts = {"error_code": code, "error_message": message[:500], "reserved_bytes": 0}
        Upload.machine.move(row, "refused", **facts)
        waiting = Check.objects.filter(upload=row)
        Check.machine.move_all(waiting, "failed", next_at=None, lease_until=None, error_code=code)
        transaction.on_commit(lambda: spooled(row).unlink(missing_ok=True))
    for name in ("state", "updated_at", *facts):
        setattr(upload, name, getattr(row, name))
    return True


def expire(now: dt.datetime | None = None) -> int:
    """Give up what did not come in time, and what a server of before the queue left at `received`; returns how many.

    What becomes whole meanwhile stays.
    """
    now = now or clock.now()
    late = Q(state="receiving", expires_at__lte=now)
    left = Q(state="received", check_row=None, created_at__lte=now - FORM_TAKES)
    message = "The upload did not come to its end in time. Upload the file again."
    over = Upload.objects.filter(late | left)[:1000]
    return sum(give_up(upload, "EXPIRED", message, states=(upload.state,)) for upload in over)


def sweep_spool() -> int:
    """Remove files of uploads that are over: whoever ended them died before the file went. Returns how many."""
    there = {path.name: path for path in (settings.SPOOL / "uploads").glob("*-*-*-*-*")}
    known = Upload.objects.filter(pk__in=there, state__in=["receiving", "received"]).values_list("pk", flat=True)
    over = there.keys() - {str(key) for key in known}
    for name in over:
        there[name].unlink(missing_ok=True)
    return len(over)
