"""Bytes become a track's files: content first, verified, then the rows."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet

from apps.catalog import clearance, history
from apps.catalog.models import Blob, Derivation, Track, TrackFile
from apps.catalog.models.derivation import PATIENCE
from apps.lib import clock, locks, spool, storage
from apps.lib.media import Format, Probe
from apps.lib.storage import MAIN, Stored

# Which file of a track a provider's asset becomes.
ROLE_OF = {"audio": "original", "cover": "cover", "video": "video"}
# The sweeper holds a content for as long as the store takes to delete it.
PATIENCE_S = 20
# What a probe tells of a sound that its file keeps.
FACTS = ("codec", "duration_ms", "sample_rate", "channels", "bit_rate")


def begin(place: str = MAIN) -> None:
    """A place is made for the first file of all; where rows say that there was one, it has to be mounted."""
    rows = Blob.objects.all() if place == MAIN else Blob.objects.filter(copied_at__isnull=False)
    storage.begin(lambda: not rows.exists(), place=place)


@dataclass(frozen=True)
class Kept(Stored):
    """Bytes in the store, with their row."""

    blob: Blob


@contextmanager
def stored(
    path: Path, *, form: Format, sha256: str | None = None, ours: str = "", spare: bool = False
) -> Iterator[Kept]:
    """The file's bytes are in the store, and stay there while the block writes the rows that hold them.

    The only way into the store: without it the sweeper could take away an object between the moment it was found there
    and the row. The bytes' own row is written at once, so that the sweeper knows of them also when the block's rows are
    refused. Not inside a transaction. `ours`, `spare` and refusals as of `storage.put`; STORAGE_FAILED also while the
    sweeper is at these very bytes.
    """
    if sha256 is None:
        with path.open("rb") as source:
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
    begin()
    with locks.together(content(sha256), patience=PATIENCE_S) as held:
        if not held:
            raise storage.StorageFailed("The same bytes are being deleted at this moment. Try again.")
        kept = storage.put(path, sha256=sha256, ours=ours, spare=spare)
        yield Kept(**vars(kept), blob=blob_for(kept, form))


@contextmanager
def kept(blob: Blob) -> Iterator[bool]:
    """Nobody deletes these bytes while the block runs, in no place; False when their row has gone.

    Not inside a transaction. STORAGE_FAILED while the sweeper is at these very bytes.
    """
    with locks.together(content(blob.sha256), patience=PATIENCE_S) as held:
        if not held:
            raise storage.StorageFailed("These bytes are being deleted at this moment. Try again.")
        yield Blob.objects.filter(pk=blob.pk).exists()


def copy(blob: Blob, *, source: str, target: str) -> None:
    """The bytes of one place in the other, in place of whatever lies there, by the rules of `put`; only while `kept`.

    StorageFailed also when the source does not hold the right bytes: then the target is as it was.
    """
    with ExitStack() as opened:
        path = storage.local_path(blob.key, place=source)
        if path is None:
            folder = opened.enter_context(spool.workspace(blob.size))
            path = storage.copy_to(blob.key, folder / "bytes", sha256=blob.sha256, place=source)
        put_back(blob, path, place=target)


def put_back(blob: Blob, path: Path, *, place: str) -> None:
    """This file's bytes in place of whatever lies there; StorageFailed, and nothing written, when it has others."""
    begin(place)
    try:
        with storage.reported():
            storage.put(path, sha256=blob.sha256, place=place)
    except storage.ContentMismatch as mismatch:
        raise storage.StorageFailed(fault="read other bytes than were stored") from mismatch


def content(sha256: str) -> str:
    """The name of the lock on these bytes: held together by who stores them, alone by who deletes them."""
    return f"blob {sha256}"


def blob_for(stored: Stored, form: Format) -> Blob:
    """The one row for this content. Two writers of the same bytes get the same row."""
    facts = {"key": stored.key, "size": stored.size, "mime": form.mime, "extension": form.extension}
    row, _ = Blob.objects.get_or_create(sha256=stored.sha256, defaults=facts)
    if row.unused_since:  # its 48 hours begin anew should this use end too
        Blob.objects.filter(pk=row.pk).update(unused_since=None)
    return row


@transaction.atomic(savepoint=False)
def attach(*, track: Track, role: str, blob: Blob, probe: Probe | None = None, **facts) -> TrackFile:
    """Give the track this content in a role; a former file of that role is replaced, its bytes stay for the sweeper.

    Another original is a change of the track: the caller is inside `history.said`.
    """
    if probe is not None:
        facts |= {name: getattr(probe, name) for name in FACTS}
    facts |= {"blob": blob}
    rows = TrackFile.objects.select_related("blob").select_for_update(of=("self",))
    row, made = rows.get_or_create(track=track, role=role, defaults=facts)
    former = row.blob
    if not made:
        for name, value in facts.items():
            setattr(row, name, value)
        row.save(update_fields=[*facts, "updated_at"])
    if role == "original":
        if former != blob:
            history.replaced(file=row, old=former, new=blob)
        length = {"duration_ms": probe.duration_ms, "updated_at": row.updated_at} if probe else {}
        for name, value in length.items():
            setattr(track, name, value)
        clearance.has_copy(track.pk, **length)
    return row


def attach_original(*, track: Track, blob: Blob, probe: Probe) -> TrackFile:
    """The original and, in the same transaction, the queue row for everything that is made of it.

    Of another original everything is made anew; who is at the former one at this moment settles in vain.
    """
    row = attach(track=track, role="original", blob=blob, probe=probe, loudness_lufs=None, true_peak_dbtp=None)
    derivation, created = Derivation.objects.get_or_create(
        track=track, defaults={"source_sha256": blob.sha256, "next_at": clock.now()}
    )
    if not created and derivation.source_sha256 != blob.sha256:
        _make_anew(Derivation.objects.filter(pk=derivation.pk), blob)
    return row


def _make_anew(derivation: QuerySet[Derivation], blob: Blob) -> None:
    long_since = clock.now() - PATIENCE
    fresh = {"source_sha256": blob.sha256, "next_at": long_since, "lease_until": None, "attempts": 0, "crashes": 0}
    fresh |= {"error_code": "", "error_message": ""}
    move_all = Derivation.machine.move_all
    if not (move_all(derivation, "due", **fresh) or move_all(derivation, "retrying", **fresh)):
        derivation.update(**fresh)


def lock_live(track_id) -> bool:
    """Hold the track until the transaction ends; False when it was removed: no file lands on a tombstone."""
    return Track.objects.select_for_update(no_key=True).filter(pk=track_id, removed_at__isnull=True).exists()


def working_copy(blob: Blob, folder: Path) -> Path:
    """A verified local copy for the media tools, or the stored file itself when it is local."""
    place = blob.place()
    local = storage.local_path(blob.key, place=place)
    return local or storage.copy_to(blob.key, folder / "original", sha256=blob.sha256, place=place)
