"""What people say about themselves, and who sees it (S4-11)."""

import pytest
from django.core.exceptions import ValidationError

from apps.accounts import profiles
from apps.accounts.models import Profile, User
from apps.lib.errors import NotFound
from tests.lib.threads import side_by_side
from tests.make import make_user

pytestmark = pytest.mark.django_db


def refused(user, **facts) -> dict:
    with pytest.raises(ValidationError) as said:
        profiles.edit(user=user, **facts)
    return said.value.message_dict


def test_what_is_named_changes_and_nothing_else(ana):
    made = profiles.edit(user=ana, display_name="Ana B.", country="pt", timezone="Europe/Lisbon", language="pt-PT")
    ana.profile.refresh_from_db()
    assert made == ana.profile
    assert (made.name, made.country, made.timezone, made.language) == ("Ana B.", "PT", "Europe/Lisbon", "pt-PT")
    assert (made.username, made.bio, made.digest) == ("ana", "", "daily")


def test_each_wrong_fact_is_said_by_its_name_and_nothing_is_kept(ana):
    said = refused(
        ana, username="a b", country="XX", timezone="Mars/Base", language="?", digest="hourly", bio="x" * 2001,
        display_name="x" * 101,
    )  # fmt: skip
    assert set(said) == {"username", "country", "timezone", "language", "digest", "bio", "display_name"}
    assert profiles.of(ana).display_name == ""


def test_a_name_is_one_whatever_its_case(ana, bob):
    assert refused(ana, username="BOB") == {"username": ["This name is taken."]}
    assert profiles.edit(user=ana, username="ANA").username == "ANA"
    assert profiles.edit(user=ana, username="Ana.B").username == "Ana.B"


def test_a_name_from_before_the_rules_may_stay(ana):
    Profile.objects.filter(user=ana).update(username="admin")
    assert profiles.edit(user=ana, bio="Hello.").username == "admin"
    assert "username" in refused(ana, username="admin.")


def test_a_name_is_one_line_that_shows_what_it_holds(ana):
    assert profiles.edit(user=ana, display_name=" Ana\t\u202eB\n ").display_name == "Ana B"
    assert profiles.edit(user=ana, display_name="\u200b\u3164").display_name == ""
    assert profiles.edit(user=ana, bio="Two\nlines").bio == "Two\nlines"


def test_an_account_that_was_made_without_a_profile_gets_one(db):
    user = User.objects.create_user("root@example.org", "x")
    assert profiles.of(user).username.startswith("root-")
    assert profiles.of(user).pk == profiles.of(user).pk


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_one_name_at_once_one_gets_it():
    people = [make_user(), make_user()]
    outcomes = side_by_side(*(lambda who=who: profiles.edit(user=who, username="Solo") for who in people))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Profile", "ValidationError"]
    assert Profile.objects.filter(username="Solo").count() == 1


def test_a_person_is_found_by_name_in_whatever_case(ana):
    assert profiles.public("ANA") == ana


def test_who_is_switched_off_or_unknown_is_not_there(ana):
    User.objects.filter(pk=ana.pk).update(is_active=False)
    for name in ("ana", "nobody", "an%", "%", ""):
        with pytest.raises(NotFound):
            profiles.public(name)


def test_a_person_is_found_in_one_query_without_reading_the_picture(ana, django_assert_num_queries):
    with django_assert_num_queries(1) as asked:
        found = profiles.public("ana")
        assert found.profile.name == "ana" and not hasattr(found, "avatar")
    assert '"image"' not in asked[0]["sql"]
