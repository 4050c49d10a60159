"""Sizes: what does not fit on a few screens is two things."""

import ast
from collections.abc import Iterator

from tests.house.reading import Offence, Source, caught, offences, python, without_migrations

MODULE, FUNCTION, SETTINGS, MODELS = 450, 60, 350, 300


def too_long(source: Source) -> Iterator[Offence]:
    lines = source.text.count("\n")
    most = MODULE
    if source.path == "config/settings.py":
        most = SETTINGS
    elif source.path.endswith("/models.py"):
        most = MODELS
    if lines > most:
        yield lines, f"more than {most} lines"


def long_functions(source: Source) -> Iterator[Offence]:
    for node in source.nodes(ast.FunctionDef, ast.AsyncFunctionDef):
        length = node.end_lineno - node.lineno + 1
        if length > FUNCTION:
            yield node.lineno, f"{node.name} has {length} lines, more than {FUNCTION}"


def written() -> list[Source]:
    return without_migrations(python("apps", "config", "deploy"))


def test_modules_are_short():
    assert offences(too_long, written()) == []


def test_functions_are_short():
    assert offences(long_functions, written()) == []


def test_length_is_caught():
    assert caught(too_long, "\n" * 451)
    assert not caught(too_long, "\n" * 450)
    assert caught(too_long, "\n" * 301, "apps/catalog/models.py")
    assert not caught(too_long, "\n" * 301, "apps/catalog/models/track.py")
    assert caught(too_long, "\n" * 351, "config/settings.py")
    body = "def long():\n" + "    x = 1\n" * 60
    assert caught(long_functions, body)
    assert not caught(long_functions, body.removesuffix("    x = 1\n"))
