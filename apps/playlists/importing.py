"""A playlist file comes in: read at once, its tracks looked for by a worker, in the playlist in the file's order.

The lines are rows, so nothing of the file is kept beside them. What was found goes into the playlist in one
transaction; what was not stays as a line that a person settles, and its track comes to where the file had it.
"""

import datetime as dt
import logging
import time
from collections.abc import Iterable
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Count, QuerySet

from apps.accounts.models import User
from apps.catalog import files
from apps.lib import clock, leases
from apps.lib.errors import Conflict, NotFound, Refusal
from apps.playlists import actions, filling, formats, matching, positions
from apps.playlists.formats.lines import cleaned
from apps.playlists.models import Entry, Import, ImportLine, Playlist

log = logging.getLogger(__name__)

Outcome = ImportLine.Outcome
# Lines of one statement; a file of so few is finished while its sender waits.
AT_ONCE, WHILE_WAITING = 500, 100
MOST_UNFINISHED, MOST_KEPT = 5, 200
DELAYS = tuple(dt.timedelta(seconds=s) for s in (5, 30, 120))
OPEN = (Outcome.UNRESOLVED, Outcome.IGNORED, Outcome.DOUBLE, Outcome.FULL)


class _Lost(Exception):
    """Another worker has the row by now: what this one did is rolled back."""


def begin(
    *, content: BinaryIO, file_name: str, by, form: str = "", name: str = "", playlist: Playlist | None = None
) -> Import:
    """Read a file and let its tracks be looked for, for `playlist`, else for a new one of this name or the file's.

    Refusals: FILE_TOO_LARGE 413, those of `formats.read`, INVALID 400, IMPORTS_WAITING and IMPORTS_KEPT 409, NOT_FOUND
    404 of the playlist; with each of them nothing is kept.
    """
    if name and playlist:
        message = "Say either the playlist or the name of a new one."
        raise Refusal("INVALID", message, fields={"playlist": [message]})
    if form and form not in formats.FORMS:
        message = f"format: one of {', '.join(formats.FORMS)}."
        raise Refusal("INVALID", message, fields={"format": [message]})
    file = formats.read(_bytes(content), form=form, most=settings.PLAYLIST_MAX_ENTRIES)
    called = _tidy(file_name)
    with transaction.atomic():
        _room_for(by)
        named = name or (file.title or PurePosixPath(called).stem)[:255]
        new = partial(actions.create, owner=by, name=named, description=file.description)
        target = positions.hold(playlist.pk) if playlist else new()
        made = Import.objects.create(
            user=by, playlist=target, file_name=called, form=file.form, encoding=file.encoding,
            lines_total=len(file.lines), next_at=clock.now(),
        )  # fmt: skip
        rows = (ImportLine(imported=made, number=n, **vars(line)) for n, line in enumerate(file.lines, 1))
        ImportLine.objects.bulk_create(rows, batch_size=1000)
    return made


def _bytes(content: BinaryIO) -> bytes:
    most = settings.PLAYLIST_FILE_MAX_BYTES
    data = content.read(most + 1)
    if len(data) > most:
        message = f"The file is larger than {most / 2**20:g} MiB. Send it in parts."
        raise Refusal("FILE_TOO_LARGE", message, status=413, fields={"file": [message]})
    return data


def _tidy(name: str) -> str:
    """For showing only."""
    return cleaned(PureWindowsPath(name).name, 255) or "a playlist"


def _room_for(user) -> None:
    User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()  # two at once must not both be the last
    mine = Import.objects.editable_by(user)
    if mine.exclude(state__in=["done", "failed"]).count() >= MOST_UNFINISHED:
        raise Conflict(f"{MOST_UNFINISHED} files are still at work. Wait for one of them.", "IMPORTS_WAITING")
    if mine.count() >= MOST_KEPT:
        raise Conflict(f"{MOST_KEPT} reports are kept of you already. Delete one of them.", "IMPORTS_KEPT")


# --- The worker ---------------------------------------------------------------------------------------------------
def claim(*, limit: int, rows: QuerySet[Import] | None = None, now: dt.datetime | None = None) -> list[Import]:
    """Due imports, the one that waits longest first."""
    rows = (Import.objects.all() if rows is None else rows).order_by("next_at", "id")
    return leases.claim(rows, Import.machine, limit=limit, now=now)


def finish_if_small(imported: Import) -> bool:
    """Work off what is done in a moment; whether it was. Who cannot leaves it to a worker."""
    if imported.lines_total > WHILE_WAITING:
        return False
    return all(map(run, claim(limit=1, rows=Import.objects.filter(pk=imported.pk))))


def work(*, seconds: float) -> int:
    """Work off what is due, for so long at most; returns how many."""
    leases.set_apart(Import.objects.all(), Import.machine, "failed")
    started, done = time.monotonic(), 0
    while time.monotonic() - started < seconds and (rows := claim(limit=1)):
        run(rows[0])
        done += 1
    return done


def run(imported: Import) -> bool:
    """Work one claimed import off. True when it is done; a refusal is kept on the row, for people to read."""
    with leases.held(imported):
        try:
            _look(imported)
            _fill(imported)
            return True
        except _Lost:
            return False
        except Refusal as refusal:
            imported.settle("failed", error_code=refusal.code, error_message=refusal.message[:500])
        except OperationalError as failure:
            _postpone(imported, failure)
        return False


def _look(imported: Import) -> None:
    """Batch by batch, each kept at once: who comes after a killed worker goes on where it was."""
    waiting = imported.lines.filter(outcome=Outcome.WAITING).order_by("number")
    while numbers := list(waiting.values_list("number", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            matching.look_for(imported, numbers[0], numbers[-1])
            mine = Import.objects.filter(pk=imported.pk, token=imported.token, state=leases.RUNNING)
            if not mine.update(lines_done=numbers[-1]):
                raise _Lost


@transaction.atomic
def _fill(imported: Import) -> None:
    """What was found goes behind what the playlist has, in the order of the file. Refusals: NOT_FOUND, FORBIDDEN."""
    positions.stay(imported.user)
    Playlist.objects.get_fillable(imported.user, pk=imported.playlist_id)
    found = imported.lines.filter(outcome=Outcome.FOUND).order_by("number")
    filled = filling.append(
        playlist_id=imported.playlist_id, track_ids=list(found.values_list("track", flat=True)), by=imported.user
    )
    for outcome, numbers in filled.outcomes(list(found.values_list("number", flat=True))).items():
        facts = {"track": None, "how": "", "confidence": None} if outcome == Outcome.UNRESOLVED else {}
        imported.lines.filter(number__in=numbers).update(outcome=outcome, **facts)
    if not imported.settle("done", done_at=clock.now(), lines_done=imported.lines_total):
        raise _Lost


def _postpone(imported: Import, failure: Exception) -> None:
    """A deadlock or a database that was away: later again, and at last a failure that can be tried anew."""
    log.warning("import %s, try %s: %s", imported.pk, imported.attempts + 1, failure)
    facts = {"error_code": "INTERRUPTED", "error_message": "The database was interrupted."}
    if imported.attempts >= len(DELAYS):
        imported.settle("failed", **facts)
    else:
        wait = DELAYS[imported.attempts] * leases.jitter()
        imported.settle("retrying", next_at=clock.now() + wait, attempts=imported.attempts + 1, **facts)


def retry(*, imported: Import) -> None:
    """Let a worker try a failed one anew, from where it was. Conflict in another state."""
    fresh = {"attempts": 0, "crashes": 0, "error_code": "", "error_message": ""}
    Import.machine.move(imported, "due", next_at=clock.now(), **fresh)


def forget(*, imported: Import) -> None:
    """Drop the report; what came into the playlist stays. What is at work ends with it."""
    imported.delete()


# --- The report ---------------------------------------------------------------------------------------------------
def counts(*imports: Import) -> dict[UUID, dict[str, int]]:
    """How many lines of each import have which outcome."""
    found = {each.pk: dict.fromkeys(Outcome.values, 0) for each in imports}
    rows = ImportLine.objects.filter(imported__in=imports).order_by().values_list("imported", "outcome")
    for pk, outcome, number in rows.annotate(Count("pk")):
        found[pk][outcome] = number
    return found


@transaction.atomic
def resolve(*, line: ImportLine, track_id: UUID, by) -> Entry:
    """This track it is: it comes into the playlist where the file has it, between what came of the lines around it.
    A line whose entry was taken out there may be settled anew.

    Refusals: NOT_FOUND 404 and FORBIDDEN 403 of the playlist, CONFLICT 409 while a worker is at it or when the line is
    settled, and those of `actions.add`.
    """
    playlist = Playlist.objects.get_fillable(by, pk=line.imported.playlist_id)
    positions.stay(by)
    files.lock_live(track_id)  # in the order that everybody locks in
    positions.hold(playlist.pk)
    line = _open(line, anew=True)
    entry = actions.add(playlist=playlist, track_id=track_id, by=by, position=_place(line))
    _put(line, outcome=Outcome.ADDED, track_id=track_id, how=ImportLine.How.PERSON, confidence=1)
    return entry


@transaction.atomic
def ignore(*, line: ImportLine, yes: bool = True) -> None:
    """Leave a line out, or look at it again. CONFLICT 409 while a worker is at it or when it is in the playlist."""
    line = _open(line)
    _put(line, outcome=Outcome.IGNORED if yes else Outcome.UNRESOLVED, track_id=None, how="", confidence=None)


def _open(line: ImportLine, *, anew: bool = False) -> ImportLine:
    """The line as it is now, locked. `anew`: also one whose entry was taken out, for who sees the playlist."""
    now = ImportLine.objects.select_for_update(of=("self",)).select_related("imported").filter(pk=line.pk).first()
    if now is None:
        raise NotFound
    if now.imported.state != "done":
        raise Conflict("Its file is still at work. Wait until it is done.")
    if now.outcome not in OPEN and not (anew and taken_out(now.imported, [now])):
        raise Conflict("This line is in the playlist already. Take its entry out there.")
    return now


def taken_out(imported: Import, lines: Iterable[ImportLine]) -> set[UUID]:
    """Tracks of those lines that came into the playlist and are not in it any more."""
    added = {line.track_id for line in lines if line.outcome == Outcome.ADDED}
    standing = Entry.objects.filter(playlist=imported.playlist_id, track__in=added)
    return added - set(standing.values_list("track", flat=True))


def _put(line: ImportLine, **facts) -> None:
    ImportLine.objects.filter(pk=line.pk).update(**facts)


def _place(line: ImportLine) -> int | None:
    """Behind the nearest line before it that is in the playlist, else before the nearest one after it, else last."""
    entries = Entry.objects.filter(playlist=line.imported.playlist_id)
    around = line.imported.lines.filter(outcome=Outcome.ADDED, track__in=entries.values("track"))
    if before := around.filter(number__lt=line.number).order_by("-number").first():
        return entries.filter(position__lte=_key(entries, before)).count()
    if after := around.filter(number__gt=line.number).order_by("number").first():
        return entries.filter(position__lt=_key(entries, after)).count()
    return None


def _key(entries: QuerySet[Entry], line: ImportLine) -> int:
    return entries.values_list("position", flat=True).get(track=line.track_id)
