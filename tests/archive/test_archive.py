"""`manage.py archive`: one command, several parts."""

import pytest
from django.core.management import CommandError, call_command

from apps.archive.management.commands.archive import PARTS


@pytest.mark.parametrize("part", PARTS)
def test_every_part_says_what_it_is_for(part, capsys):
    with pytest.raises(SystemExit):
        call_command("archive", part, "--help")
    said = " ".join(capsys.readouterr().out.split())
    assert PARTS[part].HELP in said


def test_what_it_does_not_know_it_refuses():
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("archive", "forget")
