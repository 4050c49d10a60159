"""The project as the house's rules read it: source files, parsed once, and the words to ask them."""

import ast
import functools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "apps"
NOT_OURS = {".git", ".venv", "var", "node_modules", "static-built", "__pycache__", ".hypothesis", ".ruff_cache"}


@dataclass(frozen=True)
class Source:
    """One file: its path from the project's root and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def app(self) -> str:
        """`catalog` for apps/catalog/…, else empty."""
        first, _, rest = self.path.partition("/")
        return rest.partition("/")[0] if first == "apps" and "/" in rest else ""

    @property
    def subject(self) -> str:
        """What a file of an app is about: `models` for models.py and for everything in models/."""
        return self.path.split("/")[2].removesuffix(".py")

    def nodes(self, *kinds: type[ast.AST]) -> Iterator:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))


Offence = tuple[int, str]


def offences(rule: Callable[[Source], Iterable[Offence]], sources: Iterable[Source]) -> list[str]:
    """`path:line: what` for everything the rule finds."""
    return [f"{source.path}:{line}: {what}" for source in sources for line, what in rule(source)]


def caught(rule: Callable[[Source], Iterable[Offence]], text: str, path: str = "apps/catalog/actions.py") -> bool:
    """Whether the rule bites on this text."""
    return bool(list(rule(Source(path, text))))


@functools.cache
def files(*folders: str) -> tuple[Path, ...]:
    """Every file of the project, or of these folders, that belongs to the project."""
    found = []
    for start in folders or (".",):
        for place, names, leaves in os.walk(ROOT / start):
            here = Path(place)
            names[:] = sorted(n for n in names if n not in NOT_OURS and not (here / n / "pyvenv.cfg").exists())
            found += [here / leaf for leaf in sorted(leaves) if leaf not in NOT_OURS]  # `.git` is a file in a worktree
    return tuple(found)


@functools.cache
def python(*folders: str) -> tuple[Source, ...]:
    """The Python files of these folders."""
    return tuple(_source(path) for path in files(*folders) if path.suffix == ".py")


@functools.cache
def texts() -> tuple[Source, ...]:
    """Every text file of the project."""
    return tuple(_source(path) for path in files() if b"\0" not in path.read_bytes()[:8000])


def without_migrations(sources: Iterable[Source]) -> list[Source]:
    return [source for source in sources if "/migrations/" not in source.path]


def _source(path: Path) -> Source:
    return Source(path.relative_to(ROOT).as_posix(), path.read_text(errors="replace"))


def root_name(node: ast.expr) -> str:
    """`Track` of `Track.objects.filter(…).update`; empty when the chain starts elsewhere."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def called(node: ast.Call) -> str:
    """The last word of what is called: `filter` of `rows.filter(…)`."""
    return getattr(node.func, "attr", "") or getattr(node.func, "id", "")


def given(node: ast.Call) -> Iterator[str]:
    """Names of the keyword arguments, also of those in `**{…}`."""
    for keyword in node.keywords:
        if keyword.arg:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Dict):
            yield from literals(*filter(None, keyword.value.keys))


def literals(*nodes: ast.expr) -> Iterator[str]:
    """The strings written out in these expressions, also inside their lists and tuples."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            yield from literals(*node.elts)
