"""Which names may be chosen (S4-11)."""

import pytest
from django.core.exceptions import ValidationError

from apps.accounts import usernames
from apps.accounts.actions import free_username


@pytest.mark.parametrize("name", ["ab", "Ana", "ana.b", "a_1-", "0cool", "x" * 30, "administrata", "new-york"])
def test_a_name_of_known_characters_may_be_chosen(name):
    usernames.check(name)
    assert usernames.allowed(name)


@pytest.mark.parametrize(
    "name",
    ["", "a", "x" * 31, ".ana", "ana.", "-ana", "_ana", "a b", "ana@example.org", "ána", "ana\n", "a/b", "..", "a\x00b",
     "аna"],
)  # fmt: skip
def test_a_name_of_another_shape_is_refused(name):
    with pytest.raises(ValidationError, match="2 to 30"):
        usernames.check(name)


@pytest.mark.parametrize(
    "name", ["admin", "Admin", "API", "me", "account", "sign-in", "signin", "sign.in", "static", "support", "KeepTrack",
             "keep_track", "people", "new-0123456789abcdef", "New-0123456789ABCDEF"]
)  # fmt: skip
def test_a_name_that_could_be_taken_for_the_house_is_reserved(name):
    with pytest.raises(ValidationError, match="reserved"):
        usernames.check(name)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wish", ["admin@example.org", "support", "ana.@example.org", "..@example.org", "x@example.org"]
)
def test_a_name_that_is_made_for_somebody_is_one_that_may_be_chosen(wish):
    made = free_username(wish)
    usernames.check(made)
    assert made not in ("admin", "support")
