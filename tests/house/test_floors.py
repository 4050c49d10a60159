"""The floors: a package imports only from below, neighbours do not know each other, domain knows no door."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.reading import APPS, Offence, Source, called, caught, literals, offences, python

FLOORS = (
    ("lib",),
    ("accounts",),
    ("catalog",),
    ("uploads", "archive", "gallery", "playlists"),
    ("social",),
)
HEIGHT = {app: height for height, floor in enumerate(FLOORS) for app in floor}
ABOVE_ALL = {"config", "deploy", "tests", "bench"}

DOMAIN = {
    "models", "access", "actions", "files", "derive", "schedule", "retry", "attempt", "working", "gate", "hosts", "simulation", "statistics", "providers", "roles", "keys",
    "clearance", "quota", "profiles", "avatars", "chapters", "export", "departure", "sweeper",
    "rescue", "subscriptions", "stripe_events", "tiers", "staff_log", "plays", "cards", "parts", "identifiers",
    "filters", "search", "keyset", "words",
    "changesets", "changerows", "bulk", "history",
    "duplicates", "merging",
    "sheets", "importing", "vocabulary",
    "neighbours", "queues",
    "facets", "facet_index", "bits",
    "separation", "oldshape", "wayback", "reconciling", "adoption", "foreign", "foreignrows", "adopted",
    "counts", "likes", "comments", "follows", "feed", "shape", "sources", "compat", "moderation",
    "formats", "matching", "filling", "exporting",
    "ledger", "manifests", "verifying", "auditing",
    "positions", "members", "covers", "choosing", "releasing",
    "copies", "scrubbing", "repairs", "orphans",
    "sameness", "proposal", "replacing", "reports",
    "alerts", "fresh", "generations", "handing", "metrics", "orders", "owners", "risks", "series", "telling", "watching",
}  # fmt: skip
DOORS = {"api", "admin", "views", "tasks", "serializers", "management"}
DOOR_LIBRARIES = ("rest_framework", "drf_spectacular", "django.contrib.admin", "unfold", "celery")

_LABEL = re.compile(rf"({'|'.join(HEIGHT)})\.[A-Z]\w*")


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, in whatever body; `from a import b` counts as a.b."""
    package = source.path.removesuffix(".py").split("/")
    for node in source.nodes(ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        else:
            start = package[: -node.level] if node.level else []
            base = ".".join([*start, *filter(None, [node.module])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def reaches(source: Source) -> Iterator[tuple[int, str, str]]:
    """(line, top package, app) of every import, and of every model that is named by its label."""
    for line, name in imported(source):
        top, app, *_ = [*name.split("."), ""]
        yield line, top, app
    # A migration may point up by name, for it sees the models of its time.
    for node in () if "/migrations/" in source.path else source.nodes(ast.Constant):
        if isinstance(node.value, str) and (label := _LABEL.fullmatch(node.value)):
            yield node.lineno, "apps", label[1]


def climbs(source: Source) -> Iterator[Offence]:
    for line, top, app in reaches(source):
        if top in ABOVE_ALL:
            yield line, f"nothing in apps knows {top}"
        elif top == "apps" and app != source.app and HEIGHT.get(app, 99) >= HEIGHT[source.app]:
            yield line, f"{source.app} does not know {app or 'all apps'}"


def hides_imports(source: Source) -> Iterator[Offence]:
    for function in source.nodes(ast.FunctionDef, ast.AsyncFunctionDef):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield node.lineno, f"an import in the body of {function.name}"
    for node in source.nodes(ast.Call):
        if called(node) in ("import_module", "import_string", "__import__"):
            yield node.lineno, f"an import by {called(node)}"


def opens_doors(source: Source) -> Iterator[Offence]:
    if source.subject not in DOMAIN:
        return
    for line, name in imported(source):
        if any(f"{name}.".startswith(f"{library}.") for library in DOOR_LIBRARIES):
            yield line, f"{source.subject} is domain and imports {name}"
        parts = name.split(".")
        if parts[0] == "apps" and parts[1] != "lib" and set(parts[2:3]) & DOORS:
            yield line, f"{source.subject} is domain and imports the door {name}"


def test_every_app_has_its_floor():
    assert {path.name for path in APPS.iterdir() if (path / "__init__.py").exists()} <= set(HEIGHT)


def test_a_package_imports_only_from_floors_below():
    assert offences(climbs, [source for source in python("apps") if source.app]) == []


def test_no_import_hides_in_a_function():
    assert offences(hides_imports, python("apps")) == []


def test_domain_modules_import_no_door():
    assert offences(opens_doors, [source for source in python("apps") if source.app]) == []


@pytest.mark.parametrize(
    "text",
    [
        "from apps.social.models import Post",
        "import apps.social.models",
        "from apps import social",
        "from ..social import models",
        "from config import settings",
        "from deploy.demo import synth",
        "from tests.make import make_user",
        "def f():\n    from apps.social import actions",
        'models.ForeignKey("social.Post", models.PROTECT)',
    ],
)
def test_a_reach_upwards_is_caught(text):
    assert caught(climbs, text)
    assert caught(climbs, text, "apps/catalog/models/track.py") or ".." in text


def test_a_reach_sideways_is_caught_and_one_downwards_is_not():
    assert caught(climbs, "from apps.archive import actions", "apps/uploads/actions.py")
    assert not caught(climbs, "from apps.catalog import actions", "apps/uploads/actions.py")
    assert not caught(climbs, 'models.ForeignKey("accounts.User", models.PROTECT)')


def test_a_migration_may_name_what_is_above_and_may_not_import_it():
    path = "apps/playlists/migrations/0002_repoint_entries.py"
    assert not caught(climbs, 'field = models.ForeignKey("social.Post", models.PROTECT)', path)
    assert caught(climbs, "from apps.social import separation", path)


@pytest.mark.parametrize(
    "text",
    ["def f():\n    import json", "class A:\n    def f(self):\n        if x:\n            from a import b",
     'import_module("apps.social")'],
)  # fmt: skip
def test_a_hidden_import_is_caught(text):
    assert caught(hides_imports, text)


@pytest.mark.parametrize(
    "text",
    ["from rest_framework import serializers", "from django.contrib import admin", "from celery import shared_task",
     "import celery.app", "from apps.catalog import tasks", "from apps.accounts.api import policy"],
)  # fmt: skip
def test_a_domain_module_that_knows_a_door_is_caught(text):
    assert caught(opens_doors, text)
    assert caught(opens_doors, text, "apps/catalog/models/track.py")
    assert not caught(opens_doors, text, "apps/catalog/api.py")


def test_literals_reads_lists_too():
    assert list(literals(ast.parse('["a", ("b", c)]', mode="eval").body)) == ["a", "b"]
