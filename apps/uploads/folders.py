"""A folder of the server comes in file by file (decision 0057): listed into rows, then brought in one after the other.

The rows are the memory. Whoever is killed loses one file's work; whoever begins anew passes over what has come in, by
path, size and time of change, and by its bytes where those say nothing. What is held in memory is a batch of rows.
"""

import datetime as dt
import hashlib
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, transaction
from django.db.models import Count, Sum

from apps.accounts.access import may
from apps.catalog.models import Track
from apps.lib import clock, formats, leases, media
from apps.lib.errors import Conflict, Forbidden, NotFound, Refusal
from apps.uploads import actions, intake, proposal, sameness
from apps.uploads.models import FolderFile, FolderImport, Upload

log = logging.getLogger(__name__)

BATCH = 200
LONGEST_PATH = FolderFile.path.field.max_length
NO_ACCESS = "This folder cannot be read. Give the server access to it."
LATEST_NS = 2**63 - 1  # a column ends in 2262, a disk's clock may not
# No fault of the file: it waits, and so does everything behind it.
PASSING = leases.OWN_FAULTS | {"TOO_MANY_UPLOADS"}
DELAYS = tuple(dt.timedelta(minutes=m) for m in (1, 2, 5, 15, 60))
OUTCOMES = ("imported", "known", "refused")


@dataclass(frozen=True)
class Found:
    """A file below the folder; `path` is relative. With a `fault` it cannot be brought in, whatever it holds."""

    path: str
    size: int
    changed_ns: int
    fault: str = ""


@dataclass(frozen=True)
class Counts:
    """Files by what became of them, and all their bytes."""

    total: int
    bytes: int
    waiting: int
    imported: int
    known: int
    refused: int

    @property
    def done(self) -> int:
        return self.total - self.waiting


def files_in(root: Path) -> Iterator[Found]:
    """Every plain file below, by name, one folder's names in memory at a time; neither links nor hidden ones."""
    below = [""]
    while below:
        here = below.pop()
        try:
            entries = sorted(os.scandir(root / here), key=lambda entry: entry.name)
        except OSError as failure:
            if not here:
                raise NotFound(f"There is no folder here that can be read: {failure.strerror}.") from failure
            yield Found(_writable(here), 0, 0, NO_ACCESS)
            continue
        entries = [entry for entry in entries if not entry.name.startswith(".") and not entry.is_symlink()]
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield from _found(root, entry)
        folders = (entry for entry in entries if entry.is_dir(follow_symlinks=False))
        below += reversed([os.path.relpath(entry.path, root) for entry in folders])


def _found(root: Path, entry: os.DirEntry) -> Iterator[Found]:
    """The file, unless it goes just now."""
    path = os.path.relpath(entry.path, root)
    try:
        facts = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError:  # names may be read, and what they stand for may not
        yield Found(_writable(path), 0, 0, NO_ACCESS)
        return
    fault = "" if is_writable(path) else "Its name is not UTF-8, or is too long. Rename it."
    yield Found(_writable(path), facts.st_size, min(facts.st_mtime_ns, LATEST_NS), fault)


def is_writable(path: str) -> bool:
    """Whether a row can hold the path: not one that is no UTF-8, or too long."""
    return _writable(path) == path


def _writable(path: str) -> str:
    """The path as a row can hold it: itself where that is possible, else something like it."""
    plain = os.fsencode(path).decode("utf-8", "backslashreplace")
    if len(plain) > LONGEST_PATH:
        plain = f"{plain[:500]}… {hashlib.sha256(plain.encode()).hexdigest()[:12]}"
    return plain


@transaction.atomic
def begin(*, path: Path, by, owner=None, is_public: bool = False, inside: Path | None = None) -> FolderImport:
    """Have the folder come in, or come in again: what is new or changed, and what was refused. The caller nudges.

    Its tracks are the owner's, or without one the library's, in the name of `by`; None is the machine's operator. With
    `inside` it has to lie in that folder, wherever links lead.
    FORBIDDEN 403; INVALID 400; NOT_FOUND 404 without such a folder; IN_WORK 409 while it comes in.
    """
    if by is not None and not may(by, "uploads.import_folder"):
        raise Forbidden("Only staff who may bring in folders do.")
    if owner is None and not may(by or AnonymousUser(), "catalog.curate"):
        raise Refusal("INVALID", "What comes into the library comes in the name of somebody who curates it.")
    wanted, path = path, path.resolve()
    lies_there = inside is None or path.parent == inside.resolve()
    if not (path.is_dir() and is_writable(str(path)) and lies_there):
        raise NotFound(f"There is no folder {_writable(str(wanted))} on this machine.")
    written = str(path)
    facts = {"made_by": by, "publishes": is_public}
    row, _ = FolderImport.objects.get_or_create(path=written, person=owner, defaults={"next_at": clock.now()})
    FolderImport.objects.filter(pk=row.pk).update(**facts)
    again(row)
    return row


def again(row: FolderImport) -> None:
    """Look at the folder anew. IN_WORK 409 while it comes in."""
    mine = FolderImport.objects.filter(pk=row.pk)
    facts = {"next_at": clock.now(), "listed_at": None, "attempts": 0, "crashes": 0, "error_code": "",
             "error_message": ""}  # fmt: skip
    waits = mine.filter(state="due").update(**facts)
    if not waits and not FolderImport.machine.move_all(mine.filter(state__in=["done", "stopped"]), "due", **facts):
        raise Conflict("It comes in at this moment.", code="IN_WORK")
    refused = FolderFile.objects.filter(folder=row, state="refused")
    FolderFile.machine.move_all(refused, "waiting", error_code="", error_message="")
    row.refresh_from_db()


def stop(row: FolderImport) -> None:
    """Leave the rest where it is; what has come in stays. NOTHING_TO_STOP 409 when it is over."""
    mine = FolderImport.objects.filter(pk=row.pk)
    if not FolderImport.machine.move_all(mine, "stopped", next_at=None, lease_until=None):
        raise Conflict("It is over: there is nothing to stop.", code="NOTHING_TO_STOP")


def counts(row: FolderImport) -> Counts:
    """How far it is; of files that are listed."""
    states = FolderFile.objects.filter(folder=row).order_by().values("state")
    found = list(states.annotate(files=Count("pk"), bytes=Sum("size_bytes")))
    by_state = {part["state"]: part["files"] for part in found}
    each = {state: by_state.get(state, 0) for state in FolderFile.machine.states}
    return Counts(total=sum(by_state.values()), bytes=int(sum(part["bytes"] for part in found)), **each)


def claim(*, row: FolderImport | None = None, now: dt.datetime | None = None) -> FolderImport | None:
    """The folder that waits longest, or the given one if nobody has it."""
    rows = FolderImport.objects.order_by("next_at")
    if row is not None:
        rows = rows.filter(pk=row.pk)
    return next(iter(leases.claim(rows, FolderImport.machine, limit=1, now=now)), None)


def work(row: FolderImport, *, seconds: float, told: Callable[[int], None] = lambda files: None) -> bool:
    """Bring in files of a claimed folder for so long. True when all are settled; else the rest is due.

    A full disk or a store that is away postpones the rest, with the reason on the row.
    """
    until = time.monotonic() + seconds
    try:
        with leases.held(row):
            _check_person(row)
            _check_place(row)
            if row.listed_at is None:
                _list(row)
            over = _bring_all(row, until, told)
    except NotFound as gone:
        row.settle("stopped", next_at=None, error_code=gone.code, error_message=gone.message[:500])
        return False
    except (Refusal, OSError, OperationalError) as failure:
        code, message = getattr(failure, "code", "IO_ERROR"), getattr(failure, "message", str(failure))
        log.warning("folder %s waits (%s): %s", row.pk, code, message)
        wait = DELAYS[min(row.attempts, len(DELAYS) - 1)] * leases.jitter()
        facts = {"attempts": row.attempts + 1, "error_code": code, "error_message": message[:500]}
        row.settle("due", next_at=clock.now() + wait, **facts)
        return False
    target = {"next_at": None} if over else {"next_at": clock.now()}
    return row.settle("done" if over else "due", attempts=0, **target) and over


def give_up_poison() -> int:
    """Stop folders whose worker died over and over; returns how many."""
    return leases.set_apart(FolderImport.objects.all(), FolderImport.machine, "stopped", next_at=None)


def _list(row: FolderImport) -> None:
    """A row for every file; what is as it was when it was settled stays settled."""
    batch: list[Found] = []
    for found in files_in(Path(row.path)):
        batch.append(found)
        if len(batch) == BATCH:
            _note(row, batch)
            batch = []
    _note(row, batch)
    _forget(row)
    row.listed_at = clock.now()
    FolderImport.objects.filter(pk=row.pk, token=row.token).update(listed_at=row.listed_at)


@transaction.atomic
def _note(row: FolderImport, batch: list[Found]) -> None:
    there = {file.path: file for file in FolderFile.objects.filter(folder=row, path__in=[f.path for f in batch])}
    new = [found for found in batch if found.path not in there]
    FolderFile.objects.bulk_create(
        [FolderFile(folder=row, path=f.path, size_bytes=f.size, changed_ns=f.changed_ns) for f in new],
        ignore_conflicts=True,
    )
    for found in batch:
        file = there.get(found.path)
        if file and (file.size_bytes, file.changed_ns) != (found.size, found.changed_ns):
            mine = FolderFile.objects.filter(pk=file.pk)
            mine.update(size_bytes=found.size, changed_ns=found.changed_ns)
            FolderFile.machine.move_all(mine, "waiting", track=None)
    for found in (found for found in batch if found.fault):
        mine = FolderFile.objects.filter(folder=row, path=found.path)
        FolderFile.machine.move_all(mine, "refused", error_code="NAME_UNREADABLE", error_message=found.fault)


def _forget(row: FolderImport) -> None:
    """What waits and is not there any more was never there: nobody has to hear of it at every run."""
    waiting = FolderFile.objects.filter(folder=row, state="waiting").values_list("pk", "path")
    gone = [pk for pk, path in waiting.iterator(BATCH) if not _is_there(Path(row.path) / path)]
    for first in range(0, len(gone), BATCH):
        FolderFile.objects.filter(pk__in=gone[first : first + BATCH], state="waiting").delete()


def _is_there(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it may be, and `opened` says what is wrong with it
        return True


def _bring_all(row: FolderImport, until: float, told: Callable[[int], None]) -> bool:
    """True when none waits any more; False when the time is over or somebody else has the folder."""
    waiting = FolderFile.objects.filter(folder=row, state="waiting").order_by("pk")
    mine = FolderImport.objects.filter(pk=row.pk, state=leases.RUNNING, token=row.token)
    while batch := list(waiting[:BATCH]):
        for file in batch:
            if time.monotonic() >= until or not mine.exists():
                return False
            _bring(row, file)
            told(1)
    return True


def _bring(row: FolderImport, file: FolderFile) -> None:
    try:
        with opened(Path(row.path), file.path) as content:
            state, track = _brought(row, file, content)
    except Refusal as refusal:
        if refusal.code in PASSING:
            raise
        _check_place(row)
        facts = {"error_code": refusal.code, "error_message": refusal.message[:500]}
        FolderFile.machine.move(file, "refused", **facts)
    else:
        FolderFile.machine.move(file, state, track=track)


def _brought(row: FolderImport, file: FolderFile, content: BinaryIO) -> tuple[str, Track]:
    person, own = row.person or row.made_by, {} if row.person_id else {"library": True}
    if track := known(content, user=person, library=not row.person_id):
        return "known", track
    content.seek(0)
    name = Path(file.path).name
    upload = actions.receive(
        user=person, content=content, file_name=name, way=Upload.Way.FOLDER, is_public=row.publishes, **own
    )
    return ("known" if upload.is_duplicate else "imported"), upload.track


def _check_person(row: FolderImport) -> None:
    if row.person is None and not may(row.made_by or AnonymousUser(), "catalog.curate"):
        raise NotFound("Nobody who curates the library stands for this folder any more. Bring it in anew.")


def _check_place(row: FolderImport) -> None:
    if not Path(row.path).is_dir() or Path(row.path).resolve() != Path(row.path):
        raise NotFound("The folder is not there any more.")


@contextmanager
def opened(root: Path, path: str) -> Iterator[BinaryIO]:
    """The file below the root, unless it went or became a link or no file: FILE_GONE and FILE_UNREADABLE 422."""
    try:
        handle = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as gone:
        raise _gone() from gone
    except OSError as failure:
        raise _unreadable(failure) from failure
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refusal("FILE_UNREADABLE", "This is no plain file.", status=422)
    with open(handle, "rb") as file:
        # Asked of what is open: a folder on the way may become a link at any moment.
        if os.readlink(f"/proc/self/fd/{handle}") != str(root / path):
            raise _gone()
        yield file


def _gone() -> Refusal:
    return Refusal("FILE_GONE", "The file is not there any more.", status=422)


def _unreadable(failure: OSError) -> Refusal:
    return Refusal("FILE_UNREADABLE", f"The file cannot be read: {failure.strerror}.", status=422)


def known(content: BinaryIO, *, user, library: bool) -> Track | None:
    """The track that these bytes are there as already; refusals of what needs no reading, or only the first bytes."""
    intake.check_size(os.fstat(content.fileno()).st_size)
    try:
        form = formats.sniff(Path(f"/dev/fd/{content.fileno()}"))
        if form is None or form.name not in settings.UPLOAD_FORMATS:
            raise media.not_admitted(settings.UPLOAD_FORMATS)
        content.seek(0)
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as failure:  # a bad disk under one file keeps nothing else waiting
        raise _unreadable(failure) from failure
    return sameness.existing(Upload(user=user, facts={"library": library}), sha256)


def foreseen(root: Path, path: str, *, user, library: bool) -> tuple[str, str]:
    """What would become of this file, and as what: (`imported`, title and artist), or `known`, or `refused` and why."""
    try:
        with opened(root, path) as content:
            if track := known(content, user=user, library=library):
                return "known", track.title
        said = proposal.said(media.probe(root / path, admit=settings.UPLOAD_FORMATS).tags)
    except Refusal as refusal:
        if refusal.code in PASSING:
            raise
        return "refused", f"{refusal.code}: {refusal.message}"
    except FileNotFoundError:
        return "refused", f"{_gone().code}: {_gone().message}"
    title = said.get("title") or intake.stem(intake.tidy_name(path))
    return "imported", " — ".join(filter(None, (title, said.get("artist"))))
