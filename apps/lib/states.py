"""States that move only by declared arrows. `Machine` is the only writer of a status column."""

from collections.abc import Mapping

from django.db import models
from django.utils import timezone

from apps.lib.errors import Conflict


class Machine:
    """Declared arrows over one column.

    `arrows` maps a state to the states it may move to; the first key is the start. A move compares and sets in one
    UPDATE: the old state stands in the WHERE, one row must change, and the facts that belong to the new state travel
    in the same statement.
    """

    def __init__(self, field: str, arrows: Mapping[str, tuple[str, ...]]):
        unknown = {target for targets in arrows.values() for target in targets} - set(arrows)
        if unknown:
            raise ValueError(f"arrows lead to undeclared states: {', '.join(sorted(unknown))}")
        self.field = field
        self.arrows = dict(arrows)
        self.start = next(iter(arrows))

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.arrows)

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(state, state.replace("_", " ")) for state in self.arrows]

    def column(self, **options) -> models.CharField:
        """The model field: starts at the start state and is never editable in a form."""
        options = {
            "max_length": 20,
            "default": self.start,
            "choices": self.choices,
            "editable": False,
        } | options
        return models.CharField(**options)

    def constraint(self, name: str) -> models.CheckConstraint:
        """`choices` constrain nothing; this does."""
        return models.CheckConstraint(condition=models.Q(**{f"{self.field}__in": self.states}), name=name)

    def sources(self, target: str) -> tuple[str, ...]:
        return tuple(state for state, targets in self.arrows.items() if target in targets)

    def may(self, row: models.Model, target: str) -> bool:
        return target in self.arrows[getattr(row, self.field)]

    def insert(self, row: models.Model, state: str) -> None:
        """Store a new row in any state: what it tells of may have happened before we heard of it."""
        if state not in self.arrows:
            raise ValueError(f"{state} is not declared")
        setattr(row, self.field, state)
        row.save(force_insert=True)

    def move(self, row: models.Model, target: str, *, where: models.Q | None = None, **facts) -> None:
        """Move one row and set the facts with it. Conflict when the arrow is not declared or the row has moved."""
        old = getattr(row, self.field)
        rows = type(row)._base_manager.filter(where or models.Q(), pk=row.pk, **{self.field: old})
        if target not in self.arrows[old] or self._write(rows, target, facts) != 1:
            raise Conflict(f"Cannot move from {old} to {target}: it is in another state now. Reload and try again.")
        for name, value in {**facts, self.field: target}.items():
            if not hasattr(value, "resolve_expression"):
                setattr(row, name, value)

    def move_all(self, rows: models.QuerySet, target: str, **facts) -> int:
        """Move every row of the queryset whose state has an arrow to `target`; returns how many moved."""
        return self._write(rows.filter(**{f"{self.field}__in": self.sources(target)}), target, facts)

    def _write(self, rows: models.QuerySet, target: str, facts: dict) -> int:
        return rows.update(**{"updated_at": timezone.now(), **facts, self.field: target})
