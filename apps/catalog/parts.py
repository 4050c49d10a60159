"""Sections, credits, instruments and samples of a track: written as a whole list or one by one (S4-04 … S4-06).

A track or part handed in was fetched through `editable_by(by)`. Every write holds the track, looks at the whole list as
it would be, and only then writes; the database refuses the same things, for whoever comes by another way.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.catalog import clearance, files, history, identifiers, vocabulary
from apps.catalog.models import Credit, Instrument, Sample, Section, Track
from apps.catalog.models.parts import Part
from apps.lib.errors import NotFound, Refusal

MOST = 500
FULL_SHARE = Decimal("100.00")
IPI_CHECK_DIGIT = "This IPI has a wrong check digit. It is kept as it is; compare it with the society's list."


@dataclass(frozen=True)
class Problem:
    """What is wrong with a list: `at` is the place of the row that says so."""

    code: str
    message: str
    at: int
    column: str


def sections(rows: Sequence[Section], track: Track) -> Iterator[Problem]:
    """None ends behind the track, no two overlap."""
    place = {row.pk: n for n, row in enumerate(rows)}
    for n, row in enumerate(rows):
        if row.end_ms <= row.start_ms:
            yield Problem("INVALID", "A section ends after its start.", n, "end_ms")
        if track.duration_ms is not None and row.end_ms > track.duration_ms:
            message = f"“{row.name}” ends behind the end of the track at {track.duration_ms / 1000:g} s."
            yield Problem("SECTION_OUTSIDE", message, n, "end_ms")
    for one, other in pairwise(sorted(rows, key=lambda row: (row.start_ms, row.end_ms))):
        if other.start_ms < one.end_ms:
            message = f"“{one.name}” and “{other.name}” overlap at {other.start_ms / 1000:g} s."
            yield Problem("SECTIONS_OVERLAP", message, max(place[one.pk], place[other.pk]), "start_ms")


def credits(rows: Sequence[Credit], track: Track) -> Iterator[Problem]:
    """Of one role no more than everything is shared out."""
    shares = defaultdict(Decimal)
    for n, row in enumerate(rows):
        shares[row.role] += row.split or 0
        if shares[row.role] > FULL_SHARE:
            message = f"The shares of role {row.role} come to {shares[row.role]:.2f}; 100.00 is all there is."
            yield Problem("SPLITS_OVER_100", message, n, "split")


def instruments(rows: Sequence[Instrument], track: Track) -> Iterator[Problem]:
    seen = set()
    for n, row in enumerate(rows):
        if (row.category, row.type) in seen:
            yield Problem("INSTRUMENT_TWICE", f"“{row}” stands there twice.", n, "type")
        seen.add((row.category, row.type))


def samples(rows: Sequence[Sample], track: Track) -> Iterator[Problem]:
    for n, row in enumerate(rows):
        if not (row.pack_name or row.description):
            yield Problem("INVALID", "Name the pack, or describe the sample.", n, "pack_name")


@dataclass(frozen=True)
class Kind:
    """One kind of part: what may be written of it, and what is asked of the whole list."""

    model: type[Part]
    columns: tuple[str, ...]
    problems: Callable[[Sequence[Part], Track], Iterator[Problem]]
    # Whether the database compares the rows with each other, one after the other as they are written.
    exclusive: bool = False

    def facts(self, row: Part) -> tuple:
        return tuple(getattr(row, name) for name in self.columns)


KINDS = {
    "sections": Kind(Section, ("name", "start_ms", "end_ms", "description"), sections, exclusive=True),
    "credits": Kind(Credit, ("name", "role", "ipi", "pro", "split", "contact_email", "contact_phone"), credits),
    "instruments": Kind(Instrument, ("category", "type", "is_primary"), instruments, exclusive=True),
    "samples": Kind(Sample, ("pack_name", "description", "is_cleared", "clearance_notes"), samples),
}


def replace(*, track: Track, kind: str, rows: Iterable[dict], by) -> list[Part]:
    """Make the list what is given, all or nothing. A row that names a part's `id`, or equals one, is that part.

    Refusals: INVALID, TOO_MANY_PARTS, SECTION_OUTSIDE, SECTIONS_OVERLAP, SPLITS_OVER_100, INSTRUMENT_TWICE; their
    `fields` begin with the row's place, as in `2.split`.
    """
    rows = list(rows)
    limit(len(rows))
    with _held(track, KINDS[kind], by) as (held, before):
        after = list(_matched(held, KINDS[kind], rows, before))
        _write(held, KINDS[kind], before, after, "{at}.{column}")
    return after


def add(*, track: Track, kind: str, by, **facts) -> Part:
    """One more. Refusals as `replace`."""
    with _held(track, KINDS[kind], by) as (held, before):
        limit(len(before) + 1)
        part = _cleaned(KINDS[kind].model(track=held, **facts))
        _write(held, KINDS[kind], before, [*before, part])
    return part


def change(*, part: Part, by, **facts) -> Part:
    """What is not named stays. Refusals as `replace`; NotFound when somebody dropped it meanwhile."""
    kind = kind_of(part)
    with _held(part.track, kind, by) as (held, before):
        old = _there(part, before)
        kept = dict(zip(kind.columns, kind.facts(old), strict=True))
        new = _cleaned(_as(old, kind.model(track=held, **{**kept, **facts})))
        _write(held, kind, before, [new if row is old else row for row in before])
    return new


def drop(*, part: Part, by) -> None:
    kind = kind_of(part)
    with _held(part.track, kind, by) as (held, before):
        old = _there(part, before)
        _write(held, kind, before, [row for row in before if row is not old])


def warnings(ipis: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """What is doubtful in credits, given as pairs of id and IPI; nothing of it is refused (S4-07)."""
    doubtful = [pk for pk, ipi in ipis if identifiers.ipi_doubtful(ipi)]
    return [{"id": pk, "field": "ipi", "code": "IPI_CHECK_DIGIT", "message": IPI_CHECK_DIGIT} for pk in doubtful]


def limit(count: int) -> None:
    if count > MOST:
        raise Refusal("TOO_MANY_PARTS", f"A track has at most {MOST} parts of a kind.")


def kind_of(part: Part) -> Kind:
    return next(kind for kind in KINDS.values() if kind.model is type(part))


@contextmanager
def _held(track: Track, kind: Kind, by) -> Iterator[tuple[Track, list[Part]]]:
    """The track, held until the transaction ends, with its parts as they are now; judged anew at the end."""
    with history.said(by=by):
        if not files.lock_live(track.pk):
            raise NotFound
        held = Track.objects.get(pk=track.pk)
        yield held, list(kind.model.objects.filter(track=held).order_by("pk"))
        clearance.judge([held.pk])


def _there(part: Part, rows: Iterable[Part]) -> Part:
    found = next((row for row in rows if row.pk == part.pk), None)
    if found is None:
        raise NotFound
    return found


def _cleaned(row: Part, at: str = "") -> Part:
    """Texts without blanks around them, an IPI in full, every column of its type. Refusal: INVALID."""
    for name in kind_of(row).columns:
        value = getattr(row, name)
        if isinstance(value, str):
            setattr(row, name, identifiers.ipi(value) if name == "ipi" else value.strip())
    try:
        row.clean_fields(exclude=["track"])
    except ValidationError as wrong:
        fields = {f"{at}{name}": messages for name, messages in wrong.message_dict.items()}
        name, messages = next(iter(fields.items()))
        raise Refusal("INVALID", f"{name}: {messages[0]}", fields=fields) from wrong
    return row


def _as(old: Part, new: Part) -> Part:
    """The new row as another state of the old one."""
    new.pk, new.created_at, new._state.adding = old.pk, old.created_at, False
    return new


def _matched(track: Track, kind: Kind, rows: list[dict], before: list[Part]) -> Iterator[Part]:
    """Each given row as the part that it names or equals, else as a new one."""
    named = {row.pk: row for row in before}
    alike = defaultdict(list)
    for pk in named.keys() - {facts.get("id") for facts in rows}:
        alike[kind.facts(named[pk])].append(named[pk])
    for n, given in enumerate(rows):
        facts = {name: value for name, value in given.items() if name != "id"}
        new = _cleaned(kind.model(track=track, **facts), f"{n}.")
        old = named.pop(given.get("id"), None)
        if old is None and (equal := alike[kind.facts(new)]):
            old = equal.pop()
        yield new if old is None else _as(old, new)


def _respelled(credits: list[Credit]) -> None:
    """Names as staff spell them, also for who writes an alias."""
    asked = {("creator", row.name) for row in credits}
    known = vocabulary.spelled(asked) if asked else {}
    for row in credits:
        row.name = known.get(("creator", row.name), row.name)


def _write(track: Track, kind: Kind, before: list[Part], after: list[Part], field: str = "{column}") -> None:
    """Turn one list into the other, unless the rule of its kind finds a problem in it."""
    if problem := next(kind.problems(after, track), None):
        name = field.format(at=problem.at, column=problem.column)
        raise Refusal(problem.code, problem.message, fields={name: [problem.message]})
    old = {row.pk: kind.facts(row) for row in before}
    gone = old.keys() - {row.pk for row in after}
    new = [row for row in after if row.pk not in old]
    changed = [row for row in after if row.pk in old and kind.facts(row) != old[row.pk]]
    if kind.model is Credit:
        _respelled([*new, *changed])
    if kind.exclusive and len(changed) > 1:
        # Two sections that change places would meet half-way: they go and come back under their ids.
        gone, new, changed = gone | {row.pk for row in changed}, [*new, *changed], []
    kind.model.objects.filter(pk__in=gone).delete()
    for row in changed:
        row.updated_at = timezone.now()
    kind.model.objects.bulk_update(changed, [*kind.columns, "updated_at"])
    kind.model.objects.bulk_create(new)
