"""Status columns: nobody writes one but the machine in `apps/lib/states.py`."""

import ast
import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import models

from apps.lib.states import Machine
from tests.house.reading import (
    Offence,
    Source,
    called,
    caught,
    given,
    literals,
    offences,
    python,
    root_name,
    without_migrations,
)

MOVED = [model for model in apps.get_models() if isinstance(getattr(model, "machine", None), Machine)]
COLUMNS = {model.machine.field for model in MOVED}
# A column of the same name on one of these is an ordinary one.
PLAIN = {model.__name__ for model in apps.get_models()} - {model.__name__ for model in MOVED}
WRITES = {"update", "aupdate", "create", "acreate", "get_or_create", "aget_or_create", "update_or_create"}
THE_WRITER = "apps/lib/states.py"

_SQL = re.compile(rf"\bSET\b.*\b({'|'.join(sorted(COLUMNS))})\b\"?\s*=", re.IGNORECASE | re.DOTALL)


def assigned(source: Source) -> Iterator[Offence]:
    """`track.status = …`, in any kind of assignment. The `self.status` of an error is HTTP's."""
    errors = (holder for holder in source.nodes(ast.ClassDef) if any(map(is_error, [holder.name, *bases(holder)])))
    allowed = {node for holder in errors for node in ast.walk(holder) if root_name_is_self(node)}
    for node in source.nodes(ast.Attribute):
        if node.attr in COLUMNS and isinstance(node.ctx, ast.Store | ast.Del) and node not in allowed:
            yield node.lineno, f"{ast.unparse(node)} is assigned"


def bases(holder: ast.ClassDef) -> list[str]:
    return [ast.unparse(base) for base in holder.bases]


def is_error(name: str) -> bool:
    return name.endswith(("Error", "Exception", "Refusal"))


def root_name_is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and root_name(node) == "self"


def passed(source: Source) -> Iterator[Offence]:
    """The column as an argument of a write, of a model's constructor, of setattr or of a list of fields to save."""
    moved = {model.__name__ for model in MOVED}
    for node in source.nodes(ast.Call):
        name, words = called(node), set()
        if name in WRITES and root_name(node) not in PLAIN or name in moved:
            words = set(given(node)) | defaults(node)
        elif name == "setattr":
            words = set(literals(*node.args[1:2]))
        elif name in ("save", "asave", "bulk_update", "abulk_update"):
            words = set(literals(*node.args[1:], *(k.value for k in node.keywords if "fields" in (k.arg or ""))))
        elif name == "bulk_create":
            words = set(literals(*(k.value for k in node.keywords if k.arg == "update_fields")))
        for word in sorted(words & COLUMNS):
            yield node.lineno, f"{name} writes {word}"


def defaults(node: ast.Call) -> set[str]:
    """Keys of `defaults={…}` and `create_defaults={…}`."""
    found = [k.value for k in node.keywords if k.arg in ("defaults", "create_defaults")]
    return {key for value in found if isinstance(value, ast.Dict) for key in literals(*filter(None, value.keys))}


def said_in_sql(source: Source) -> Iterator[Offence]:
    for node in source.nodes(ast.Constant):
        if isinstance(node.value, str) and _SQL.search(node.value):
            yield node.lineno, "SQL writes a status column"


def writes_status(source: Source) -> Iterator[Offence]:
    yield from assigned(source)
    yield from passed(source)
    yield from said_in_sql(source)


def test_only_the_machine_writes_a_status_column():
    inside = [source for source in without_migrations(python("apps", "config")) if source.path != THE_WRITER]
    assert offences(writes_status, inside) == []


def test_there_is_something_to_guard():
    assert {"Track", "Derivation", "Upload", "ArchiveAsset", "ArchiveJob"} <= {model.__name__ for model in MOVED}
    assert {"status", "state"} == COLUMNS


@pytest.mark.parametrize("model", MOVED, ids=lambda model: model.__name__)
def test_a_status_column_is_closed_to_forms_and_walled_in_the_database(model):
    column = model._meta.get_field(model.machine.field)
    assert not column.editable
    assert column.default == model.machine.start
    known = models.Q(**{f"{column.name}__in": model.machine.states})
    assert any(getattr(wall, "condition", None) == known for wall in model._meta.constraints)


@pytest.mark.parametrize(
    "text",
    [
        'track.status = "ready"',
        'job.status, other = "failed", 1',
        'row.state: str = "done"',
        'class Track(Record):\n    def finish(self):\n        self.status = "ready"',
        'class LateError(Exception):\n    def __init__(self, track):\n        track.status = "failed"',
        'Track.objects.filter(pk=pk).update(status="ready")',
        'rows.update(**{"state": "done"})',
        'Track.objects.create(title="x", status="ready")',
        'rows.get_or_create(track=track, defaults={"state": "due"})',
        'rows.update_or_create(track=track, create_defaults={"state": "due"}, defaults={})',
        'Track(title="x", status="ready").save()',
        'ArchiveJob.objects.bulk_create([ArchiveJob(track=track, status="completed")])',
        'setattr(track, "status", "ready")',
        'Subscription.objects.filter(user=user).update(status="expired")',
        'track.save(update_fields=["status"])',
        'Track.objects.bulk_update(rows, ["status", "title"])',
        "cursor.execute(\"UPDATE catalog_track SET title = '', status = 'removed'\")",
    ],
)
def test_a_write_past_the_machine_is_caught(text):
    assert caught(writes_status, text)


@pytest.mark.parametrize(
    "text",
    [
        'Track.machine.move(track, "ready")',
        'Track.objects.filter(status="ready")',
        'Track.objects.filter(status="ready").update(title="x")',
        'if track.status == "ready": pass',
        'Refusal("CONFLICT", "No.", status=409)',
        "class FetchError(Exception):\n    def __init__(self, status):\n        self.status = status",
        'Profile.objects.create(user=user, status="busy")',
        'Profile.objects.filter(user=user).update(status="busy")',
    ],
)
def test_a_read_and_a_plain_column_are_no_offence(text):
    assert not caught(writes_status, text)
