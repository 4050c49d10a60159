"""The guides are true: what they say to type works, in their order, and what they name is there (S0-40)."""

import re
import subprocess

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from tests.make import audio, make_key, make_user

DOCS = settings.ROOT / "docs"
GUIDES = ["tracks", "posts", "playlists"]
SH = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"api (.*?)localhost:8000(/api/v1[^\s\"?)]*)", re.DOTALL)
METHOD = re.compile(r"-X (\w+)")
# Codes that come with an answer that is no error.
WARNINGS = {"IPI_CHECK_DIGIT"}
# As the README defines them, but that a refusal ends everything.
PRELUDE = """
set -euo pipefail
api() { curl -sS --fail-with-body -w '\\n' -H "Authorization: Bearer $KEY" "$@"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
"""


def guide(name: str) -> str:
    return (DOCS / "guides" / f"{name}.md").read_text()


def typed(text: str) -> str:
    """What a guide says to type, without the making of files by the demo's code."""
    return re.sub(r"^\.venv/bin/python .*?'$", "", "\n".join(SH.findall(text)), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.django_db(transaction=True)
def test_everything_that_the_guides_say_to_type_works(live_server, tmp_path):
    key = make_key(make_user("writer"), "read", "write", "upload")
    (tmp_path / "var").mkdir()
    for seed, name in enumerate(("light", "dusk"), start=1):
        (tmp_path / "var" / f"{name}.wav").write_bytes(audio(seed=seed))
    script = PRELUDE + "\n".join(typed(guide(name)) for name in GUIDES)
    script = script.replace("localhost:8000", live_server.url).replace("users/admin/", "users/writer/")
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={"KEY": key, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert '"like_count":1' in done.stdout
    assert (tmp_path / "evening.xspf").read_text().startswith("<?xml")


@pytest.fixture(scope="module")
def schema() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


def routes(schema: dict) -> dict[str, set[str]]:
    """Address with `{}` for what varies → its methods."""
    return {re.sub(r"{\w+}", "{}", path): {name.upper() for name in said} for path, said in schema["paths"].items()}


def calls(text: str):
    """(method, address) of every call with curl that a page shows."""
    for words, path in CALL.findall(typed(text).replace("\\\n", " ")):
        rest = text.split(path, 1)[1].split("\n")[0]
        sends = " -d " in words + rest or " -F " in words + rest
        said = METHOD.search(words)
        yield said[1] if said else "POST" if sends else "GET", re.sub(r"\$\(?\w+|/users/\w+", _varied, path)


def _varied(found: re.Match) -> str:
    return "/users/{}" if found[0].startswith("/users/") else "{}"


@pytest.mark.parametrize("page", ["docs/api.md", "README.md", *(f"docs/guides/{name}.md" for name in GUIDES)])
def test_every_address_that_a_page_calls_is_one_of_the_api(schema, page):
    found, known = set(calls((settings.ROOT / page).read_text())), routes(schema)
    assert found
    assert not {(method, path) for method, path in found if path in known and method not in known[path]}
    assert {path for _, path in found} <= set(known)


@pytest.mark.parametrize("page", ["api", "social", "playlists", *(f"guides/{name}" for name in GUIDES)])
def test_every_code_that_a_page_names_is_explained(page):
    known = set(re.findall(r"^\| `([A-Z_]+)`", (DOCS / "errors.md").read_text(), re.MULTILINE))
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+|INVALID|FORBIDDEN)`", (DOCS / f"{page}.md").read_text()))
    listed = set(re.findall(r"^\| `([A-Z_]+)`", (DOCS / "settings.md").read_text(), re.MULTILINE))
    assert named - listed - known - WARNINGS == set()


@pytest.mark.parametrize("page", sorted(path.relative_to(DOCS.parent).as_posix() for path in DOCS.rglob("*.md")))
def test_every_link_of_a_page_leads_to_a_page(page):
    here = DOCS.parent / page
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", here.read_text()):
        assert (here.parent / target).exists(), target
