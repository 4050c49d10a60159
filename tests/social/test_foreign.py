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


def test_names_count_in_whatever_case_and_small_letters_first():
    found = _match(BY["posts"], {"Posts": columns("ID", "Author_Id"), "posts": columns("id", "Id", "USER_ID")})
    assert (found.name, found.columns) == ("posts", {"id": "id", "user_id": "USER_ID"})
    assert _match(BY["comments"], {"Comments": columns("id", "post_id", "user_id", "content")}).name == "Comments"


def test_a_needed_column_that_is_missing_is_named():
    with pytest.raises(Unreadable, match="playlists has no column name"):
        _match(BY["playlists"], {"playlists": columns("id", "user_id")})


def test_the_password_is_never_told():
    assert foreign.told("postgresql://ann:geheim@db.example.org/community") == "db.example.org:5432/community"


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://ann:%zzgeheim@db.example.org/community",
        "postgresql://ann:x@geheim@db.example.org/community",
        "postgresql://ann:x/geheim@db.example.org/community",
        "postgresql://ann:12/geheim@db.example.org/community",
        "host=db.example.org password=x geheim",
        "nonsense",
    ],
)
def test_of_an_address_that_is_none_nothing_is_told(source):
    """What an unescaped letter cuts off a password reads as a host, a port, a name, or stands in an error."""
    with pytest.raises(Unreadable, match="no address of a database") as error:
        foreign.told(source)
    assert "geheim" not in str(error.value)
