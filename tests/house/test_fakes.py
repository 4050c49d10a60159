"""Fakes: what stands in for somebody else lives with the tests or the demo, and the product never meets it."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.reading import Offence, Source, caught, offences, python
from tests.house.test_floors import imported

_FAKE = re.compile(r"(fake|mock|stub|dummy)s?(?![a-z])|(Fake|Mock|Stub|Dummy)(?![a-z])")
HOMES = ("tests/", "deploy/demo/")


def pretends(source: Source) -> Iterator[Offence]:
    """Something called a fake, anywhere else."""
    if source.path.startswith(HOMES):
        return
    if _FAKE.match(source.path.rpartition("/")[2]):
        yield 1, "a module of fakes"
    for node in source.nodes(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef):
        if _FAKE.match(node.name.lstrip("_")):
            yield node.lineno, f"{node.name} is a fake"


def meets(source: Source) -> Iterator[Offence]:
    for line, name in imported(source):
        if name.split(".")[0] in ("tests", "deploy") or name.startswith("unittest"):
            yield line, f"imports {name}"


def test_fakes_live_with_the_tests_or_the_demo():
    assert offences(pretends, python()) == []


def test_the_product_meets_no_fake():
    assert offences(meets, python("apps", "config")) == []


@pytest.mark.parametrize("text", ["class FakeProvider: ...", "class _StubClient: ...", "def fake_fetch(): ..."])
def test_a_fake_in_the_product_is_caught(text):
    assert caught(pretends, text)
    assert not caught(pretends, text, "tests/archive/provider.py")


def test_a_fake_module_is_caught_and_an_innocent_word_is_not():
    assert caught(pretends, "", "apps/archive/fakes.py")
    assert not caught(pretends, "def stubborn(): ...\nclass Mockingbird: ...")


@pytest.mark.parametrize(
    "text", ["from deploy.demo import provider", "import tests.make", "from unittest import mock", "import deploy"]
)
def test_meeting_a_fake_is_caught(text):
    assert caught(meets, text)
