"""Access columns: who sees what is decided in `access.py`, so nobody else reads what it is decided from."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.reading import Offence, Source, called, caught, given, literals, offences, python, without_migrations

SWITCHES = {"is_public", "is_pro_only"}
OWNERS = {"owner", "owner_id"}
NARROWS = {"filter", "exclude", "get", "aget", "Q", "When", "get_visible", "get_editable", "get_object_or_404"}
NAMES = {"F", "values", "values_list", "order_by"}
# Reads of the owner that decide nothing about access.
NO_DECISION = {
    ("apps/catalog/actions.py", "register_generated"): "finds a source by its unique key, of which the owner is a part",
}


def reads(source: Source) -> Iterator[Offence]:
    """Reads of an access column, except in the constraints and indexes that a model's Meta declares."""
    declared = inside(source, lambda node: isinstance(node, ast.ClassDef) and node.name == "Meta")
    excused = inside(source, lambda node: (source.path, getattr(node, "name", "")) in NO_DECISION)
    for node in source.nodes(ast.Attribute):
        if node.attr in SWITCHES and isinstance(node.ctx, ast.Load):
            yield node.lineno, f"{ast.unparse(node)} is read"
    for node in source.nodes(ast.Call):
        name, words = called(node), set()
        if name in NARROWS and node not in declared:
            words = set(given(node))
        elif name in NAMES and node not in declared:
            words = set(literals(*node.args))
        elif name == "getattr":
            words = set(literals(*node.args[1:2]))
        for word in sorted(words):
            if asks(word, SWITCHES) or (asks(word, OWNERS) and name in NARROWS and node not in excused):
                yield node.lineno, f"{name} reads {word}"


def asks(lookup: str, columns: set[str]) -> bool:
    """Whether the lookup reads one of the columns: `track__is_public` and `owner__in` do, `owner__profile` does not."""
    parts = lookup.lstrip("-").split("__")
    at = next((i for i, part in enumerate(parts) if part in columns), None)
    return at is not None and (parts[at] in SWITCHES or parts[at + 1 :] in ([], ["in"], ["pk"], ["id"], ["exact"]))


def inside(source: Source, chosen) -> set[ast.AST]:
    """Everything within the classes and functions that are chosen."""
    holders = (h for h in source.nodes(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef) if chosen(h))
    return {node for holder in holders for node in ast.walk(holder)}


def test_access_columns_are_read_in_access_modules_only():
    everywhere = without_migrations(python("apps", "config"))
    assert offences(reads, [s for s in everywhere if not (s.app and s.subject == "access")]) == []


@pytest.mark.parametrize(
    "text",
    [
        "if track.is_public: pass",
        "return track.is_pro_only or user.is_staff",
        "Track.objects.filter(is_public=True)",
        "rows.exclude(track__is_public=False)",
        'rows.filter(**{"is_pro_only": False})',
        "Q(is_public=True) | Q(kind='gallery')",
        "Track.objects.filter(owner=user)",
        "rows.filter(track__owner=user)",
        "rows.filter(owner_id=user.pk)",
        "rows.get(pk=pk, owner__pk=user.pk)",
        'rows.annotate(shown=F("is_public"))',
        'rows.values_list("pk", "is_public")',
        'getattr(track, "is_public")',
        "class A:\n    class Meta:\n        pass\n    def f(self):\n        return self.is_public",
    ],
)
def test_a_read_elsewhere_is_caught(text):
    assert caught(reads, text)


@pytest.mark.parametrize(
    "text",
    [
        "class Track(Record):\n    class Meta:\n        indexes = [Index('id', condition=Q(is_public=True))]",
        'class TrackAdmin:\n    list_display = ["title", "is_public"]',
        "Track.machine.move(track, 'removed', is_public=False)",
        "Track.objects.visible_to(user)",
        'rows.filter(owner__profile__username="ana")',
        "owner = track.owner_id",
    ],
)
def test_a_write_and_a_declaration_are_no_offence(text):
    assert not caught(reads, text)
