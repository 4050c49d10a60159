"""Pages of tracks in any order: keyset pages over (value, id), whose depth costs nothing (performance row 7).

The rows after a cursor are found by comparing both at once, so a million rows of one value are no walk. What has no
value comes last in both directions, as a stretch of its own; so does, by relevance, what says the words elsewhere than
in its names.
"""

import base64
import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, F, Func, Q, QuerySet, Value

from apps.lib.errors import Refusal

# So many rows in order are looked at for those that are wanted: the first to see whether there are any, then more. If
# they do not make a page, the wanted ones are gathered and sorted: neither a frequent word nor a rare one takes long.
FIRST_LOOK, LOOKED_AT = 1_000, 4_000
CURSOR_LENGTH = 4_000


@dataclass(frozen=True)
class Order:
    """By `column`, ties by id in the same direction. `read` gives a value back from a cursor's text; ValueError."""

    name: str
    column: str
    read: Callable[[str], Any]
    nullable: bool = False

    @property
    def descending(self) -> bool:
        return self.name.startswith("-") or self.name == "relevance"


def _orders() -> Iterator[Order]:
    for name, column, read, nullable in (
        ("id", "id", UUID, False),
        ("popularity", "popularity_score", _decimal, False),
        ("plays", "play_count", _whole, False),
        ("title", "title", _text, False),
        ("tempo", "tempo", _decimal, True),
        ("duration", "duration_ms", _whole, True),
        ("released", "release_date", dt.date.fromisoformat, True),
    ):
        yield Order(name, column, read, nullable)
        yield Order(f"-{name}", column, read, nullable)
    yield Order("relevance", "popularity_score", _decimal)


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise ValueError
    return Decimal(text)


def _whole(text: str) -> int:
    value = int(text) if len(text) < 20 else 2**64
    if abs(value) >= 2**63:
        raise ValueError
    return value


def moment(text: str) -> dt.datetime:
    """With a zone, and told in UTC: that is what the database reads of every moment that there is."""
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(dt.UTC)


def _text(text: str) -> str:
    if "\x00" in text or len(text.encode()) > 2_000:
        raise ValueError
    return text


ORDERS = {order.name: order for order in _orders()}


class Place(NamedTuple):
    """A row's place in an order: in which stretch, by which value, and its id. `back` reads towards the beginning."""

    stretch: int
    value: Any
    id: UUID
    back: bool = False


class Page(NamedTuple):
    """Ids in order, and from where the pages after and before it are read; None where there is none."""

    ids: list[UUID]
    next: Place | None
    previous: Place | None


@dataclass(frozen=True)
class Stretch:
    """A part of an order: its rows are `within`, and those that are asked for are `wanted`; None for all of them.

    `seen` is the same as `wanted`, quick to tell of a row that is at hand; `near` are few rows, all of it among them.
    `valued` is False where no row has a value.
    """

    within: Q = Q()
    wanted: Q | None = None
    seen: Q | None = None
    near: Q | None = None
    valued: bool = True


class Beyond(Func):
    """Whether (column, id) comes before or after a pair: all columns first, then all values."""

    output_field = BooleanField()

    def as_sql(self, compiler, connection, **options):
        parts = [compiler.compile(expression) for expression in self.get_source_expressions()]
        texts, values = [text for text, _ in parts], [value for _, some in parts for value in some]
        half = len(texts) // 2
        return f"(({', '.join(texts[:half])}) {self.extra['sign']} ({', '.join(texts[half:])}))", values


def stretches(order: Order, wanted: Q | None, seen: Q | None = None) -> list[Stretch]:
    """Those of an order by a column: what has a value, then what has none."""
    if not order.nullable:
        return [Stretch(wanted=wanted, seen=seen)]
    none = Q(**{f"{order.column}__isnull": True})
    return [Stretch(~none, wanted, seen), Stretch(none, wanted, seen, valued=False)]


@dataclass(frozen=True)
class Reader:
    """Reads pages of gated rows. `how`: `walk` looks at the first rows before it gathers, `gather` does not, because
    few are wanted, and `plan` leaves the way to the database, which knows it where other tables decide.

    `rungs` are values of the order's column, the highest first: the rows from each of them on have indexes of their
    own, and what makes a page among those alone is not gathered from all (decision 0039).
    """

    rows: QuerySet
    order: Order
    stretches: list[Stretch]
    how: str = "walk"
    rungs: tuple[int, ...] = ()

    def page(self, size: int, place: Place | None = None) -> Page:
        back, found = bool(place and place.back), []
        for number in self._numbers(place):
            start = place if place and number == place.stretch else None
            some = self._some(self.stretches[number], back, start, size + 1 - len(found))
            found += [Place(number, value, pk) for value, pk in some]
            if len(found) > size:
                break
        more, found = len(found) > size, found[:size]
        if not found:
            return Page([], None, None)
        ahead, behind = (True, more) if back else (more, place is not None)
        first, last = (found[-1], found[0]) if back else (found[0], found[-1])
        ids = [at.id for at in (reversed(found) if back else found)]
        return Page(ids, last if ahead else None, first._replace(back=True) if behind else None)

    def cursor(self, place: Place) -> str:
        """A place as a text that `place` reads."""
        value = None if place.value is None else str(place.value)
        said = json.dumps([self.order.name, place.stretch, value, place.id.hex, int(place.back)])
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")

    def place(self, cursor: str) -> Place:
        """Refusal: INVALID for what is no cursor of this order."""
        try:
            name, stretch, value, pk, back = json.loads(base64.b64decode(_padded(cursor), "-_", validate=True))
            if name != self.order.name or back not in (0, 1) or not 0 <= stretch < len(self.stretches):
                raise ValueError
            value = self.order.read(value) if self.stretches[stretch].valued else None
            return Place(int(stretch), value, UUID(pk), bool(back))
        except (ValueError, TypeError, ArithmeticError, AttributeError, RecursionError) as unreadable:
            message = "cursor: take it from `next` or `previous` of another page of the same ordering."
            raise Refusal("INVALID", message, fields={"cursor": [message]}) from unreadable

    def _numbers(self, place: Place | None) -> range:
        """Of the stretches from this place on."""
        if place is None:
            return range(len(self.stretches))
        return range(place.stretch, -1, -1) if place.back else range(place.stretch, len(self.stretches))

    def _some(self, stretch: Stretch, back: bool, start: Place | None, most: int) -> list[tuple]:
        """At most so many (value, id) of a stretch, from its start or from a place in it."""
        down = self.order.descending != back
        every = self.rows.filter(stretch.within).annotate(worth=F(self.order.column))
        beyond = Q(self._beyond(start, stretch, down)) if start else Q()
        rows = every.filter(beyond)
        if stretch.wanted is None or self.how == "plan":
            rows = rows.filter(stretch.wanted or Q()).order_by(*self._sort(down))
            return list(rows.values_list("worth", "id")[:most])
        steps = self._steps(start, down)
        try:
            walked = None if self.how == "gather" else self._walked(rows, stretch, down, most, patient=len(steps) == 1)
            return self._gathered(every, beyond, stretch, down, most, steps) if walked is None else walked
        except EmptyResultSet:
            return []

    def _beyond(self, start: Place, stretch: Stretch, down: bool) -> Beyond:
        names = self._columns() if stretch.valued else ["id"]
        pair = {self.order.column: start.value, "id": start.id}
        fields = self.rows.model._meta
        values = [Value(pair[name], fields.get_field(name)) for name in names]
        return Beyond(*map(F, names), *values, sign="<" if down else ">")

    def _column(self) -> str:
        return self.rows.model._meta.get_field(self.order.column).column

    def _columns(self) -> list[str]:
        return list(dict.fromkeys([self.order.column, "id"]))

    def _sort(self, down: bool) -> list:
        return [F(name).desc() if down else F(name).asc() for name in self._columns()]

    def _steps(self, start: Place | None, down: bool) -> list[tuple[int | None, int | None]]:
        """What follows a place, in parts: from which value on, and below which. The last one has all the rest.

        Upwards everything that follows a place above a rung is above it too.
        """
        rungs = [rung for rung in self.rungs if (start.value >= rung if start else down)]
        return list(zip([*rungs, None], [None, *rungs], strict=True)) if down else [((*rungs, None)[0], None)]

    def _walked(self, rows: QuerySet, stretch: Stretch, down: bool, most: int, *, patient: bool) -> list[tuple] | None:
        """What is wanted of the first rows in order; None when that may not be all, and is no page.

        Where two thirds of a page were found the rest is near: that is looked for too. Who is `patient`, since
        everything would have to be gathered, looks on for less.
        """
        found, end = self._looked(rows, stretch, down, most, FIRST_LOOK)
        for enough in (1, most * 2 / 3) if patient else (most * 2 / 3,):
            if end is None or not enough <= len(found) < most:
                break
            beyond = rows.filter(self._beyond(end, stretch, down))
            more, end = self._looked(beyond, stretch, down, most - len(found), LOOKED_AT)
            found += more
        return found if end is None or len(found) == most else None

    def _looked(
        self, rows: QuerySet, stretch: Stretch, down: bool, most: int, looked_at: int
    ) -> tuple[list[tuple], Place | None]:
        """What is wanted of the next rows, and where looking ended; None where the rows did."""
        chosen, gate = rows.as_conditions()
        hit, said = rows.as_condition(stretch.seen or stretch.wanted)
        table, column = (connection.ops.quote_name(name) for name in (rows.model._meta.db_table, self._column()))
        way = "DESC" if down else "ASC"
        sort = f"{table}.{column} {way}, {table}.id {way}"
        seen = _fetched(
            f"""SELECT worth, id, hit, place FROM (
                SELECT worth, id, hit, row_number() OVER () AS place FROM (
                    SELECT {table}.{column} AS worth, {table}.id, ({hit}) AS hit FROM {table}
                    WHERE {chosen} ORDER BY {sort} LIMIT {looked_at}) AS looked) AS numbered
            WHERE hit OR place = {looked_at} LIMIT {most}""",
            (*said, *gate),
        )
        value, pk, _, place = seen[-1] if seen else (None, None, False, 0)
        return [row[:2] for row in seen if row[2]], Place(0, value, pk) if place == looked_at else None

    def _gathered(
        self, rows: QuerySet, beyond: Q, stretch: Stretch, down: bool, most: int, steps: list[tuple]
    ) -> list[tuple]:
        """All that is wanted, sorted: step by step, as long as those before make no page.

        Whether a row is beyond the place is seen in the row: by the index of the order it would be half of the table.
        """
        way, parts, found = "DESC" if down else "ASC", [], "0"
        for at, bounds in enumerate(steps):
            within = [
                f"worth {sign} {value}" for sign, value in zip((">=", "<"), bounds, strict=True) if value is not None
            ]
            needed = " AND ".join([f"{found} < {most}", *within])
            parts.append(f"step{at} AS MATERIALIZED (SELECT * FROM ({{rows}}) AS wanted WHERE {needed})")
            found += f" + (SELECT count(*) FROM step{at} WHERE hit)"
        every = " UNION ALL ".join(f"SELECT * FROM step{at}" for at in range(len(parts)))
        seen = beyond & (stretch.seen or stretch.wanted) if stretch.near else beyond
        hit = ExpressionWrapper(seen, BooleanField()) if seen else Value(True)
        return _run(
            rows.filter(stretch.near or stretch.wanted).annotate(hit=hit).order_by().values("worth", "id", "hit"),
            f"""WITH {", ".join(parts)}
            SELECT worth, id FROM ({every}) AS found WHERE hit ORDER BY worth {way}, id {way} LIMIT {most}""",
        )


def _padded(cursor: str) -> bytes:
    if len(cursor) > CURSOR_LENGTH:
        raise ValueError
    return cursor.encode("ascii") + b"=" * (-len(cursor) % 4)


def _run(rows: QuerySet, statement: str) -> list[tuple]:
    sql, values = rows.query.sql_with_params()
    return _fetched(statement.format(rows=sql), values * statement.count("{rows}"))


def _fetched(statement: str, values: Sequence) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
