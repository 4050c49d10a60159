"""Permissions: every word that the code asks for is declared with its meaning, and nothing is declared in vain."""

import ast
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import pytest
from django.contrib import admin
from django.test import RequestFactory

from apps.accounts.models import User
from apps.accounts.roles import PERMISSIONS, ROLES, SCOPES, Role
from config.dashboard import PLACES
from tests.house.reading import ROOT, Offence, Source, called, caught, files, offences, python, without_migrations

# The argument of a call that is a permission.
ASKS = {"may": 1, "has_perm": 0, "has_perms": 0}
SAYS = {"policy": {"read", "write"}, "button": {"needs"}}
# Where a word is only handed on; who says it is read elsewhere.
HANDED_ON = {
    ("apps/accounts/access.py", "lacks_second_factor"),
    ("apps/accounts/access.py", "view_rule"),  # `see_all` of the class
    ("apps/accounts/api/policy.py", "has_permission"),  # of `policy(read=…, write=…)`
    ("apps/accounts/models/user.py", "has_perm"),
    ("apps/accounts/models/user.py", "has_perms"),
    ("config/dashboard.py", "navigation"),  # of PLACES
}
# Said by the design, asked by an app that is still to come.
TO_COME = {"gallery.sync"}
WORD = re.compile(r"[a-z]+\.[a-z_]+")
IN_TEMPLATES = re.compile(r"\bperms\.([a-z]+)\.([a-z_]+)")
VERBS = ("view", "add", "change", "delete")


def words(node: ast.AST) -> set[str]:
    """The permissions written out anywhere in an expression."""
    constants = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {value for value in constants if isinstance(value, str) and WORD.fullmatch(value)}


def questions(source: Source) -> Iterator[ast.expr]:
    """The expressions that say which permission is asked for."""
    for node in source.nodes(ast.Call):
        at = ASKS.get(called(node))
        if at is not None and len(node.args) > at:
            yield node.args[at]
        yield from (k.value for k in node.keywords if k.arg in SAYS.get(called(node), ()) or k.arg == "permission")
    for holder in source.nodes(ast.ClassDef):
        for line in holder.body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "see_all":
                yield line.value


def undeclared(source: Source) -> Iterator[Offence]:
    for node in questions(source):
        yield from ((node.lineno, f"asks for {word}") for word in sorted(words(node) - set(PERMISSIONS)))


def computed(source: Source) -> Iterator[Offence]:
    """A permission that is not written out where it is asked for: nobody could find it."""
    handed_on = {
        inner
        for holder in source.nodes(ast.FunctionDef)
        if (source.path, holder.name) in HANDED_ON
        for inner in ast.walk(holder)
    }
    for node in questions(source):
        plain = isinstance(node, ast.Name) and node.id.isupper()  # ANYONE, SIGNED_IN
        if not (words(node) or plain or node in handed_on):
            yield node.lineno, f"asks for {ast.unparse(node)}"


def asked_by(page) -> set[str]:
    """Django's words that a page of the admin and the tables below its rows ask for."""
    heard: set[str] = set()
    request = RequestFactory().get("/admin/")
    request.user = User()
    request.user.roles = frozenset({Role.ADMIN})
    request.user.has_perm = lambda word, obj=None: heard.add(word) or True
    for part in (page, *(inline(page.model, admin.site) for inline in page.inlines)):
        for verb in VERBS:
            if verb == "delete" and not getattr(part, "can_delete", True):
                continue
            arguments = [None] if part is not page and verb == "add" else []
            getattr(part, f"has_{verb}_permission")(request, *arguments)
    return heard


def asked() -> set[str]:
    """Every word that anything asks for."""
    found = {word for source in everywhere() for node in questions(source) for word in words(node)}
    found |= {word for page in admin.site._registry.values() for word in asked_by(page)}
    found |= {permission for places in PLACES.values() for _, _, permission, _ in places}
    return found | set(in_templates())


def everywhere() -> list[Source]:
    return without_migrations(python("apps", "config"))


def in_templates() -> Iterator[str]:
    for path in files("templates"):
        if path.suffix in (".html", ".txt"):
            yield from map(".".join, IN_TEMPLATES.findall(path.read_text()))


def in_vain(patterns: Iterable[str]) -> list[str]:
    """Patterns that match no declared permission."""
    return [pattern for pattern in patterns if not any(fnmatchcase(word, pattern) for word in PERMISSIONS)]


def test_every_permission_that_is_asked_for_is_declared():
    assert offences(undeclared, everywhere()) == []
    missing = sorted(asked() - set(PERMISSIONS))
    assert not missing, f"declare in apps/accounts/roles.py: {', '.join(missing)}"


def test_every_declared_permission_is_asked_for():
    idle = sorted(set(PERMISSIONS) - asked() - TO_COME)
    assert not idle, f"nothing asks for {', '.join(idle)}"


def test_what_is_still_to_come_is_declared_and_asked_by_nobody():
    assert set(PERMISSIONS) >= TO_COME
    assert not TO_COME & asked()


def test_a_permission_is_written_out_where_it_is_asked_for():
    assert offences(computed, everywhere()) == []


def test_every_place_that_hands_a_word_on_is_there():
    for path, name in HANDED_ON:
        source = Source(path, (ROOT / path).read_text())
        assert any(holder.name == name for holder in source.nodes(ast.FunctionDef)), (path, name)


def test_roles_and_scopes_list_no_pattern_in_vain():
    assert in_vain(pattern for definition in ROLES.values() for pattern in definition.grants) == []
    assert in_vain(pattern for patterns in SCOPES.values() for pattern in patterns) == []


def test_permissions_say_what_they_allow_in_the_order_of_the_alphabet():
    assert list(PERMISSIONS) == sorted(PERMISSIONS)
    assert all(WORD.fullmatch(word) and meaning.endswith(".") for word, meaning in PERMISSIONS.items())


@pytest.mark.parametrize(
    "text",
    [
        'may(user, "catalog.explode")',
        'request.user.has_perm("catalog.explode")',
        'user.has_perms(["catalog.curate", "catalog.explode"])',
        'class A(APIView):\n    permission_classes = [policy(read="catalog.explode")]',
        '@button("Explode", needs="catalog.explode")\ndef explode(self, request, row): ...',
        'class Rows(OwnRows):\n    see_all = "catalog.explode"',
        'may(user, "catalog.curate" if mine else "catalog.explode")',
    ],
)
def test_an_undeclared_word_is_caught(text):
    assert caught(undeclared, text)
    assert not caught(undeclared, text.replace("explode", "curate"))


@pytest.mark.parametrize("text", ["may(user, word)", "user.has_perm(f'{app}.see')", "policy(write=word)"])
def test_a_computed_word_is_caught(text):
    assert caught(computed, text)
    assert not caught(computed, "def view_rule(self, user): may(user, self.see_all)", "apps/accounts/access.py")
    assert not caught(computed, "policy(read=ANYONE)")


def test_a_pattern_in_vain_is_caught():
    assert in_vain(["*", "catalog.see_*", "catalog.explode"]) == ["catalog.explode"]


def test_the_admin_says_what_its_pages_ask_for():
    pages = {model.__name__: page for model, page in admin.site._registry.items()}
    assert asked_by(pages["Blob"]) == {"catalog.view_blob", "catalog.view_trackfile"}
    assert {"catalog.view_track", "catalog.change_track"} <= asked_by(pages["Track"])
