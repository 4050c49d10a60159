import json

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def simulated(capsys, *words: str) -> dict:
    call_command("archive", "simulate", "--json", *words)
    return json.loads(capsys.readouterr().out)["classes"]


def test_it_says_what_becomes_of_each_class(capsys):
    found = simulated(capsys, "--tracks", "500", "--days", "2", "--failure", "0.3", "--seed", "4")
    assert set(found) == {"15d", "1h"}
    assert found["15d"]["archived"] == 500 and found["15d"]["lost"] == 0
    assert 1.4 < found["15d"]["attempts_per_track"] < 1.7


def test_one_class_alone_and_a_page_for_people(capsys):
    call_command("archive", "simulate", "--tracks", "50", "--days", "11", "--life", "1h")
    shown = capsys.readouterr().out
    assert "life 1h" in shown and "life 15d" not in shown and "p95 s" in shown and "day    10" in shown


@pytest.mark.parametrize("words", [["--outage", "3 days"], ["--failure", "1"], ["--tracks", "0"], ["--life", "2h"]])
def test_what_makes_no_world_is_refused(words):
    with pytest.raises(CommandError):
        call_command("archive", "simulate", *words)
