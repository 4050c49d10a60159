"""`manage.py permissions`: the tables of docs/accounts.md, from the code."""

import io
import re
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from apps.accounts.roles import PERMISSIONS, ROLES, Role

GUIDE = Path(settings.ROOT) / "docs" / "accounts.md"
TABLES = re.compile(r"<!-- manage.py permissions --markdown -->\n(.*)<!-- end -->", re.DOTALL)


def printed(*words: str) -> str:
    out = io.StringIO()
    call_command("permissions", *words, stdout=out)
    return out.getvalue()


def test_the_guide_shows_what_the_code_says():
    told = TABLES.search(GUIDE.read_text())[1].strip()
    assert told == printed("--markdown").strip(), "copy the output of `manage.py permissions --markdown` into the guide"


def test_every_role_and_every_permission_is_printed_with_who_holds_it():
    lines = printed().splitlines()
    heading = next(line for line in lines if line.startswith("permission"))
    moderators, artists = heading.index(Role.MODERATOR), heading.index(Role.ARTIST)
    for word in PERMISSIONS:
        (line,) = (line for line in lines if line.split(" ")[0] == word)
        held = line[moderators:artists].strip() == "yes"
        assert held == ROLES[Role.MODERATOR].allows(word), word
    assert all(any(line.startswith(role) for line in lines) for role in Role)


def test_the_scopes_that_bring_a_permission_to_a_key_are_named():
    (line,) = (line for line in printed("--markdown").splitlines() if line.startswith("| `archive.run`"))
    assert line.endswith("| archive or admin |")
