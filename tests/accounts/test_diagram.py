"""The diagram of the tables is the models' own, and docs/schema.md is what it prints (S0-40)."""

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command


def printed(*labels: str) -> str:
    out = StringIO()
    call_command("diagram", *labels, stdout=out)
    return out.getvalue().strip()


def test_the_guide_shows_the_tables_as_they_are():
    guide = (Path(settings.ROOT) / "docs" / "schema.md").read_text()
    assert guide.partition("## ")[2] == printed().partition("## ")[2] + "\n"


def test_a_playlist_lists_tracks_and_no_posts():
    lines = printed("playlists").splitlines()
    assert "    Entry }o--|| Track : track" in lines
    assert not any("Post" in line for line in lines)


def test_an_unknown_app_is_refused_with_the_known_ones():
    with pytest.raises(CommandError, match="Unknown: gramophone. Known: accounts, catalog"):
        printed("gramophone")
