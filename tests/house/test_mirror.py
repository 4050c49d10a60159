"""The mirror: a module's tests are where its name says, and every module with behaviour has some."""

import ast

from tests.house.reading import Source, python, without_migrations

# Folders of tests that are about more than one module.
ACROSS = {"browser", "doors", "faults", "moves", "house", "fakes", "deploy"}
UNTESTED = {
    "lib/picture_child": "a child program, run for real by the tests of picture",
    "lib/sandbox_child": "a child program, run for real by the tests of sandbox",
    "lib/sheet_child": "a child program, run for real by the tests of sheet",
}


def subject(source: Source) -> str:
    """`catalog/models` for models.py and models/track.py of catalog, `archive/archive_due` for a command of archive."""
    parts = source.path.removesuffix(".py").split("/")
    if parts[0] == "apps":
        parts = parts[1:]
    if parts[1] in ("management", "templatetags"):
        return f"{parts[0]}/{parts[-1]}"
    return "/".join(parts[:2])


def behaves(source: Source) -> bool:
    """A module of names alone needs no test of its own: what uses them is tested."""
    return any(source.nodes(ast.FunctionDef, ast.AsyncFunctionDef))


def modules() -> list[Source]:
    inside = [source for source in python("apps") if source.app] + list(python("config"))
    return [s for s in without_migrations(inside) if not s.path.endswith(("__init__.py", "/apps.py"))]


def subjects(paths: list[str]) -> dict[str, str]:
    """What each test file is about: `catalog/models` for tests/catalog/test_models.py and tests/catalog/models/…."""
    about = {}
    for path in paths:
        _, folder, *rest = path.removesuffix(".py").split("/")
        if rest and folder not in ACROSS and rest[-1].startswith("test_"):
            about[path] = f"{folder}/{rest[0].removeprefix('test_')}"
    return about


def untested(sources: list[Source], about: dict[str, str]) -> set[str]:
    return {subject(source) for source in sources if behaves(source)} - set(about.values()) - set(UNTESTED)


def astray(sources: list[Source], about: dict[str, str]) -> set[str]:
    known = {subject(source) for source in sources}
    return {path for path, name in about.items() if name not in known}


def about_now() -> dict[str, str]:
    return subjects([source.path for source in python("tests")])


def test_every_module_with_behaviour_has_its_tests():
    assert untested(modules(), about_now()) == set()


def test_every_test_file_names_a_module():
    assert astray(modules(), about_now()) == set()


def test_every_exception_is_needed():
    assert set(UNTESTED) <= {subject(source) for source in modules() if behaves(source)}
    assert not set(UNTESTED) & set(about_now().values())


def test_a_module_without_tests_and_a_test_without_module_are_caught():
    lone = Source("apps/catalog/pricing.py", "def price(): ...")
    about = subjects(["tests/catalog/test_prices.py"])
    assert untested([lone], about) == {"catalog/pricing"}
    assert astray([lone], about) == {"tests/catalog/test_prices.py"}
    assert untested([lone], subjects(["tests/catalog/test_pricing.py"])) == set()
    assert untested([Source("apps/catalog/names.py", "A = 1")], {}) == set()


def test_a_split_module_and_a_command_are_known_by_one_name():
    track = Source("apps/catalog/models/track.py", "")
    command = Source("apps/archive/management/commands/archive_due.py", "")
    assert (subject(track), subject(command)) == ("catalog/models", "archive/archive_due")
    assert subjects(["tests/catalog/models/test_track.py"]) == {"tests/catalog/models/test_track.py": "catalog/models"}
