"""The command by which a community comes in; what it does is tested with whole databases in tests/moves."""

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_it_asks_which_database():
    with pytest.raises(CommandError, match="--source"):
        call_command("adopt", "community")


def test_its_help_says_all_of_it(capsys):
    with pytest.raises(SystemExit):
        call_command("adopt", "community", "--help")
    said = capsys.readouterr().out
    assert all(option in said for option in ("--source", "--schema", "--dry-run", "--json", "--afresh", "--forget"))
