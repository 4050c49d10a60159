"""The environment: `config/env.py` is its only reader; everybody else asks the settings."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.reading import Offence, Source, caught, offences, python

THE_READER = "config/env.py"
# What starts a process says which settings it means, once.
STARTS = {"config/wsgi.py", "config/celery.py"}
NAMES = {"environ", "environb", "getenv", "getenvb", "putenv"}


def reads(source: Source) -> Iterator[Offence]:
    if source.path == THE_READER:
        return
    excused = set(starting(source)) if source.path in STARTS else set()
    for node in source.nodes(ast.Attribute):
        if node.attr in NAMES and node not in excused:
            yield node.lineno, f"{ast.unparse(node)} is read"
    for node in source.nodes(ast.ImportFrom):
        if node.module == "os" and {alias.name for alias in node.names} & NAMES:
            yield node.lineno, "the environment is imported"


def starting(source: Source) -> Iterator[ast.Attribute]:
    """The `os.environ` of `os.environ.setdefault("DJANGO_SETTINGS_MODULE", …)`."""
    for node in source.nodes(ast.Call):
        if ast.unparse(node).startswith("os.environ.setdefault('DJANGO_SETTINGS_MODULE', "):
            yield node.func.value


def test_only_env_reads_the_environment():
    assert offences(reads, python("apps", "config")) == []


@pytest.mark.parametrize(
    "text",
    ["os.environ['DEBUG']", "os.getenv('DEBUG')", "from os import environ", "x = dict(os.environ)",
     "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')"],
)  # fmt: skip
def test_a_second_reader_is_caught(text):
    assert caught(reads, text)
    assert caught(reads, text, "config/settings.py")


def test_a_start_may_name_its_settings_and_nothing_else():
    assert not caught(reads, 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")', "config/wsgi.py")
    assert caught(reads, 'os.environ.setdefault("DEBUG", "1")', "config/wsgi.py")
