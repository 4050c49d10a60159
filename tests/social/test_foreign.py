"""What of another community's database is found under which names."""

import pytest

from apps.social import foreign
from apps.social.foreign import TABLES, Unreadable, _match

BY = {table.name: table for table in TABLES}


def columns(*names: str) -> dict[str, None]:
    return dict.fromkeys(names)


def test_the_first_name_that_is_there_is_taken_and_the_rest_is_told():
    found = _match(BY["follows"], {"follows": columns("follower_id", "following_id", "since")})
    assert found.columns == {"follower_id": "follower_id", "followed_id": "following_id"}
    assert found.left == ["since"]


def test_a_table_under_its_other_name_is_found():
    assert _match(BY["post_likes"], {"likes": columns("post_id", "user_id")}).name == "likes"
    assert _match(BY["post_likes"], {}).name == ""


def test_a_needed_column_that_is_missing_is_named():
    with pytest.raises(Unreadable, match="playlists has no column name"):
        _match(BY["playlists"], {"playlists": columns("id", "user_id")})


def test_the_password_is_never_told():
    assert foreign.told("postgresql://ann:geheim@db.example.org/community") == "db.example.org:5432/community"
