"""A QuerySet that is asked at every request, put together once: that takes longer than its answer."""

from collections.abc import Callable
from functools import cached_property

from django.db.models import QuerySet

from apps.lib.shape import fetched


class Again:
    """Asks `rows(*stand_ins)` with other values; the stand-ins are of the values' types and stand nowhere else in it.

    `rows` is called at the first use. It makes a QuerySet of plain values, in a fixed order; the database plans it once
    per connection.
    """

    def __init__(self, rows: Callable[..., QuerySet], *stand_ins: object) -> None:
        self.rows, self.stand_ins = rows, stand_ins

    def __call__(self, *values: object) -> list[tuple]:
        statement, wanted = self._statement
        return fetched(statement, [value if place is None else values[place] for place, value in wanted])

    @cached_property
    def _statement(self) -> tuple[str, list[tuple[int | None, object]]]:
        """SQL, and for each of its values which of ours it is, or itself."""
        sql, values = self.rows(*self.stand_ins).query.sql_with_params()
        places = {stand_in: place for place, stand_in in enumerate(self.stand_ins)}
        return sql, [(places.get(value), value) for value in values]
