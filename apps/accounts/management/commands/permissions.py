"""Prints what each role may do."""

from collections.abc import Iterator

from django.core.management.base import BaseCommand

from apps.accounts.roles import PERMISSIONS, ROLES, SCOPES, scopes_cover

Rows = list[list[str]]


class Command(BaseCommand):
    help = "Prints the roles and what each may do, from the code that decides it."

    def add_arguments(self, parser):
        parser.add_argument("--markdown", action="store_true", help="as the tables of docs/accounts.md")

    def handle(self, *, markdown: bool, **options):
        draw = in_markdown if markdown else in_columns
        self.stdout.write("\n\n".join("\n".join(draw(rows)) for rows in (roles(), permissions())))


def roles() -> Rows:
    """A heading, then one row per role."""
    return [["role", "what for"], *([role.value, definition.description] for role, definition in ROLES.items())]


def permissions() -> Rows:
    """A heading, then one row per permission: who holds it, and the scopes that bring it to an API key."""
    heading = ["permission", "lets a person", *(role.value for role in ROLES), "a key needs"]
    return [heading, *(_row(word, meaning) for word, meaning in PERMISSIONS.items())]


def _row(word: str, meaning: str) -> list[str]:
    held = ["yes" if definition.allows(word) else "" for definition in ROLES.values()]
    return [word, meaning, *held, " or ".join(s for s in SCOPES if scopes_cover(frozenset({s}), word))]


def in_markdown(rows: Rows) -> Iterator[str]:
    yield f"| {' | '.join(rows[0])} |"
    yield f"|{' --- |' * len(rows[0])}"
    for name, *cells in rows[1:]:
        yield f"| {' | '.join([f'`{name}`', *cells])} |"


def in_columns(rows: Rows) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
