"""Many changes as one: planned and previewed by a worker, applied all or none, undone likewise (decision 0032).

A kind of changeset registers its planner, which turns an order into rows of old → new. Everything else is the same for
all: `ask` → preview → `apply` → `undo`, each step worked off in the background under a lease, in one transaction.
A row that changed since its preview refuses the whole step with CHANGED_SINCE; nothing is ever half-written.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.core.cache import cache
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.db.models import Q
from redis import RedisError

from apps.accounts.access import may
from apps.catalog import changerows, clearance, history
from apps.catalog.changerows import Conflict, Row
from apps.catalog.models import Changeset, ChangesetRow, Track
from apps.lib import clock, doors, leases
from apps.lib.errors import Conflict as InAnotherState
from apps.lib.errors import Forbidden, Refusal

log = logging.getLogger(__name__)

__all__ = ["Conflict", "Row", "apply", "ask", "conflicts", "discard", "progress", "register", "run", "undo"]

MOST_TRACKS = 100_000
MOST_SHOWN = 200
DELAYS = tuple(dt.timedelta(seconds=s) for s in (5, 30, 120))
PROGRESS_S = 3600
# Not applied, or undone again: nothing of it stands in the catalogue.
NOT_APPLIED = Q(applied_at__isnull=True)
APPLIED = Q(applied_at__isnull=False, undone_at__isnull=True)

Planner = Callable[[Changeset], Iterator[Row]]


@dataclass(frozen=True)
class Kind:
    plan: Planner
    unblock: Callable[[Changeset], None] | None = None
    also: Callable[[Changeset], None] | None = None
    first: Callable[[Changeset], None] | None = None


_kinds: dict[str, Kind] = {}


class _Lost(Exception):
    """Another worker has the row by now: what this one did is rolled back."""


def register(
    kind: str,
    planner: Planner,
    *,
    unblock: Callable[[Changeset], None] | None = None,
    also: Callable[[Changeset], None] | None = None,
    first: Callable[[Changeset], None] | None = None,
) -> None:
    """Say how an order of this kind becomes rows. The planner reads and never writes; it may raise a Refusal.

    `unblock(changeset)` lets go of what was held for the changeset, in the transaction that discards or undoes it.
    `also(changeset)` writes what is no old → new, such as sums that go on growing, after the rows of apply and undo;
    `first(changeset)` locks what their rows hang on, before they are compared and written.
    """
    _kinds[kind] = Kind(planner, unblock, also, first)


def ask(*, kind: str, title: str, order: dict, by, door: str | None = None) -> Changeset:
    """A changeset whose preview a worker makes. `order["tracks"]`, if given, lists ids, at most MOST_TRACKS."""
    _curator(by)
    chosen = len(order.get("tracks", ()))
    if chosen > MOST_TRACKS:
        raise Refusal("TOO_MANY", f"{chosen:,} tracks are too many at once, the most is {MOST_TRACKS:,}: choose fewer.")
    if kind not in _kinds:
        raise ValueError(f"nobody plans changesets of kind {kind}")
    return Changeset.objects.create(
        kind=kind, title=title[:200], order=order, made_by=by, door=door or doors.current(), next_at=clock.now()
    )


def apply(*, changeset: Changeset, by) -> None:
    """Let a worker write what was previewed. Conflict unless it is previewed; Forbidden for anybody but its maker."""
    _curator(by)
    if by.pk != changeset.made_by_id:
        raise Forbidden("Only who asked for these changes applies them. Ask for the same yourself to apply it.")
    if not changeset.rows_total and changeset.state == "previewed":
        raise InAnotherState("Nothing would change.", code="NOTHING_TO_DO")
    _next(changeset, "apply", from_state=("previewed",), where=NOT_APPLIED)


def undo(*, changeset: Changeset, by, leave_changed: bool = False) -> None:
    """Let a worker put everything back. With `leave_changed`, what somebody changed since stays as it is."""
    _curator(by)
    order = {**changeset.order, "leave_changed": leave_changed}
    _next(changeset, "undo", from_state=("applied", "failed"), where=APPLIED, undone_by=by, order=order)


def preview_again(*, changeset: Changeset, by) -> None:
    """A fresh preview of the same order, such as after somebody changed what it was made of."""
    _curator(by)
    _next(changeset, "preview", from_state=("previewed", "failed"), where=NOT_APPLIED)


@transaction.atomic
def discard(*, changeset: Changeset, by) -> None:
    """Drop it unapplied. Conflict while a worker is at it, and once it was applied."""
    _curator(by)
    Changeset.machine.move(changeset, "discarded", where=NOT_APPLIED, next_at=None)
    _unblock(changeset)


def _curator(by) -> None:
    if not may(by, "catalog.curate"):
        raise Forbidden


def _next(changeset: Changeset, step: str, *, from_state: tuple[str, ...], where: Q, **facts) -> None:
    if changeset.state not in from_state:
        raise InAnotherState(f"It is {changeset.get_state_display()} now. Reload the page.")
    fresh = {"attempts": 0, "crashes": 0, "error_code": "", "error_message": ""}
    Changeset.machine.move(changeset, "due", where=where, step=step, next_at=clock.now(), **fresh, **facts)
    _report(changeset, 0, changeset.rows_total)


def claim(*, limit: int, now: dt.datetime | None = None) -> list[Changeset]:
    """Due changesets, the one that waits longest first."""
    return leases.claim(Changeset.objects.order_by("next_at", "id"), Changeset.machine, limit=limit, now=now)


def give_up_poison() -> int:
    """What keeps killing its worker fails; one that was applied before stays applied and can be undone again."""
    return leases.set_apart(Changeset.objects.all(), Changeset.machine, "failed")


def work(*, seconds: float) -> int:
    """Work off what is due, for so long at most; returns how many."""
    give_up_poison()
    started, done = time.monotonic(), 0
    while time.monotonic() - started < seconds and (rows := claim(limit=1)):
        run(rows[0])
        done += 1
    return done


def run(changeset: Changeset) -> bool:
    """Work one claimed changeset off. True when its step is done; a refusal is kept on the row, for people to read."""
    step = {"preview": _preview, "apply": _apply, "undo": _undo}[changeset.step]
    with leases.held(changeset):
        try:
            step(changeset)
            return True
        except _Lost:
            return False
        except Refusal as refusal:
            _step_back(changeset, refusal.code, refusal.message)
        except (IntegrityError, DataError) as wall:
            log.warning("changeset %s refused by the database: %s", changeset.pk, str(wall).splitlines()[0])
            _step_back(changeset, "CONTRADICTS", f"The catalogue does not allow it: {_wall(wall)} Nothing was changed.")
        except OperationalError as failure:
            _postpone(changeset, failure)
        return False


def _wall(failure: Exception) -> str:
    """What the database calls the rule that was broken, and its words where the rule has some."""
    said = getattr(failure.__cause__, "diag", None)
    name = getattr(said, "constraint_name", None)
    return f"{said.message_primary} ({name})." if name else "a value does not fit."


def _preview(changeset: Changeset) -> None:
    """What a planner fetches before it returns its rows, it fetches before the transaction."""
    if changeset.made_by is None:
        raise Forbidden("Who asked for it has left.")
    rows, total = _kinds[changeset.kind].plan(changeset), len(changeset.order.get("tracks", ()))
    with transaction.atomic():
        changeset.rows.all().delete()
        report = partial(_report, changeset, total=total)
        changerows.store(changeset, rows, by=changeset.made_by, report=report)
        _still_mine(changeset)
    # Who removed a track meanwhile could not see its rows; now they can be seen, and who is still at it is awaited.
    with transaction.atomic():
        tracks = Track.objects.filter(pk__in=changeset.rows.values("track_id"))
        list(tracks.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        history.blank(tracks.filter(status="removed"))
        refused = changeset.rows.exclude(problem="").count()
        _settle(changeset, "previewed", rows_total=changeset.rows.count() - refused, rows_refused=refused)


def _still_mine(changeset: Changeset) -> None:
    """Who took it over waits for the end of this transaction."""
    mine = Changeset.objects.filter(pk=changeset.pk, token=changeset.token, state=leases.RUNNING)
    if not mine.select_for_update().exists():
        raise _Lost


@transaction.atomic
def _apply(changeset: Changeset) -> None:
    _write(changeset, by=changeset.made_by)
    _settle(changeset, "applied", applied_at=clock.now())


@transaction.atomic
def _undo(changeset: Changeset) -> None:
    _write(changeset, by=changeset.undone_by)
    _unblock(changeset)
    _settle(changeset, "undone", undone_at=clock.now())


def _write(changeset: Changeset, *, by) -> None:
    """Everything of one step, under the locks of its tracks, after a look at whether all is as it was."""
    way = changerows.side(changeset)
    if by is None or not may(by, "catalog.curate"):
        raise Forbidden("Who asked for it may not curate any more.")
    changerows.lock(way)
    if first := _kinds[changeset.kind].first:
        first(changeset)
    if found := changerows.conflicts(way, by=by):
        if not (changeset.step == "undo" and changeset.order.get("leave_changed")):
            raise Refusal("CHANGED_SINCE", _changed_since(found), status=409)
        way.leave(found)
    total = way.rows().count()
    with doors.through(changeset.door), history.said(by=by, changeset=changeset):
        changerows.write(way, now=clock.now(), report=lambda done: _report(changeset, done, total))
        if also := _kinds[changeset.kind].also:
            also(changeset)
        _at_once()
        clearance.judge(_tracks(way))


def _tracks(way: changerows.Side) -> list[UUID]:
    return list(way.rows().filter(track__isnull=False).values_list("track_id", flat=True).distinct())


def _at_once() -> None:
    """What the database asks at commit, such as whether shares add up, it asks now, where an answer can be told."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _changed_since(found: list[Conflict]) -> str:
    rows = len({each.row.pk for each in found})
    return f"{rows:,} row{'' if rows == 1 else 's'} changed since. Nothing was written: see what, and decide."


def _settle(changeset: Changeset, state: str, **facts) -> None:
    if not changeset.settle(state, **facts):
        raise _Lost


def _step_back(changeset: Changeset, code: str, message: str) -> None:
    """To where the step began, with the reason."""
    state = {"preview": "failed", "apply": "previewed", "undo": "applied"}[changeset.step]
    changeset.settle(state, error_code=code, error_message=message[:500])


def _postpone(changeset: Changeset, failure: Exception) -> None:
    """A deadlock or a database that was away: later again, and at last as if it were refused."""
    log.warning("changeset %s, try %s: %s", changeset.pk, changeset.attempts + 1, failure)
    facts = {"error_code": "INTERRUPTED", "error_message": "The database was interrupted."}
    if changeset.attempts >= len(DELAYS):
        _step_back(changeset, "INTERRUPTED", "The database was interrupted again and again. Nothing was changed.")
    else:
        wait = DELAYS[changeset.attempts] * leases.jitter()
        changeset.settle("retrying", next_at=clock.now() + wait, attempts=changeset.attempts + 1, **facts)


def _unblock(changeset: Changeset) -> None:
    if let_go := _kinds[changeset.kind].unblock:
        let_go(changeset)


def progress(changeset: Changeset) -> tuple[int, int]:
    """(done, total) of the step in work, in rows; total is 0 as long as nobody knows. Seen while its work is open."""
    total = changeset.rows_total
    if changeset.state not in ("due", "running", "retrying"):
        return total, total
    with suppress(RedisError):
        return cache.get(_name(changeset)) or (0, total)
    return 0, total


def _report(changeset: Changeset, done: int, total: int) -> None:
    with suppress(RedisError):
        cache.set(_name(changeset), (done, max(done, total) if total else 0), PROGRESS_S)


def _name(changeset: Changeset) -> str:
    return f"changeset:{changeset.pk}"


def conflicts(changeset: Changeset, *, by=None, most: int = MOST_SHOWN) -> list[Conflict]:
    """What stands in the way of the step that was refused: row, field, expected, now, and who changed it when.

    Of a changeset that was applied that is what stands in the way of its undo.
    """
    way, by = changerows.side(changeset), by or changeset.made_by
    if changeset.state in ("applied", "failed") and changeset.applied_at:
        way = changerows.Side(changeset, "new", "old")
    return changerows.with_changes(changerows.conflicts(way, by=by, most=most))


def preview(changeset: Changeset):
    """The rows of the preview in their order, with their tracks."""
    return ChangesetRow.objects.filter(changeset=changeset).select_related("track").order_by("id")
