"""Room for the community beside posts in use: the same tables however often a step is made, there and back."""

from importlib import import_module

import pytest

from tests.moves import world

pytestmark = pytest.mark.django_db
MIGRATION = import_module("apps.social.migrations.0005_community")


def of_posts() -> list[tuple]:
    return [row for row in world.rows(world.SHAPE) if "social_" in str(row)]


def test_each_step_may_be_made_again():
    """S0-36: a migration that was cut off is begun anew."""
    there = of_posts()
    MIGRATION.widen()
    assert of_posts() == there
    for _ in range(2):
        MIGRATION.narrow()
    before = of_posts()
    assert before != there
    for _ in range(2):
        MIGRATION.widen()
    assert of_posts() == there
    MIGRATION.narrow()
    assert of_posts() == before


def test_no_row_is_read_under_a_lock_that_keeps_others_out(monkeypatch):
    """Checks and keys are added for new rows first; whatever else is done at once is a change of the catalogue alone."""
    said = []
    monkeypatch.setattr(MIGRATION.ddl, "patiently", lambda work, name="": work(Listening(said)))
    MIGRATION.narrow()
    MIGRATION.widen()
    adding = [statement for statement in said if " ADD CONSTRAINT " in statement]
    assert len(adding) > 8 and all(statement.endswith("NOT VALID") for statement in adding)
    assert not [statement for statement in said if "ADD COLUMN" in statement and "CHECK" in statement]


class Listening:
    """A cursor that keeps what it is told."""

    def __init__(self, said: list[str]) -> None:
        self.said = said

    def execute(self, statement: str) -> None:
        self.said.append(statement)
        world.rows(statement)
