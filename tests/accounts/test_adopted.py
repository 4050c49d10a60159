"""People of another community: names and addresses they can have here, and what they said otherwise (C-04)."""

import datetime as dt
import uuid

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage

from apps.accounts import actions, adopted, letters
from apps.accounts.adopted import Newcomer
from apps.accounts.models import Profile, User
from tests.make import make_user

pytestmark = pytest.mark.django_db
DAY = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)


def newcomer(username: str = "ana", *, key: int = 1, **facts) -> Newcomer:
    return Newcomer(uuid.UUID(int=key), DAY, username=username, **facts)


def names() -> list[str]:
    return [Profile.objects.get(user_id=uuid.UUID(int=key)).username for key in range(1, User.objects.count() + 1)]


def test_a_person_comes_with_what_they_said_and_no_password():
    facts = {
        "bio": "I sing",
        "country": "de",
        "timezone": "Europe/Berlin",
        "language": "de",
        "email": "Ana@Example.org",
    }
    assert adopted.bring([newcomer(**facts)]) == {}
    user = User.objects.get()
    assert (user.email, user.created_at, user.has_usable_password()) == ("ana@example.org", DAY, False)
    profile = user.profile
    assert (profile.bio, profile.country, profile.timezone, profile.created_at) == (
        "I sing",
        "DE",
        "Europe/Berlin",
        DAY,
    )


def test_of_two_of_one_name_the_first_keeps_it_and_the_other_is_told_apart():
    people = [newcomer(key=1), newcomer("ANA", key=2), newcomer(key=3)]
    mended = adopted.bring(people)
    first, *others = names()
    assert first == "ana" and len({name.lower() for name in others}) == 2
    assert {person: said["username"] for person, said in mended.items()} == {people[1].id: "ANA", people[2].id: "ana"}


def test_names_are_the_same_however_the_people_are_cut_into_lists():
    people = [newcomer(name, key=n) for n, name in enumerate(("ana", "Ana", "admin", "", "ä"), 1)]
    for person in people:
        adopted.bring([person])
    one_by_one = names()
    Profile.objects.all().delete()
    User.objects.all().delete()
    adopted.bring(people)
    assert names() == one_by_one


@pytest.mark.parametrize("email", ["", "nonsense", "x" * 250 + "@example.org", "Taken@example.org", "Other@example.org",
                                   f"{uuid.UUID(int=2)}@{letters.PLACEHOLDER}"])  # fmt: skip
def test_who_has_no_address_of_their_own_gets_a_placeholder(email):
    EmailAddress.objects.create(user=make_user("taken"), email="other@example.org", verified=True)
    mended = adopted.bring([newcomer(email=email)])
    user = User.objects.get(pk=uuid.UUID(int=1))
    assert letters.is_placeholder(user.email)
    assert mended == ({user.pk: {"email": email}} if email else {})


def test_a_placeholder_that_somebody_came_with_does_not_take_anothers():
    first = newcomer(email=f"{uuid.UUID(int=2)}@{letters.PLACEHOLDER}")
    adopted.bring([first, newcomer("bob", key=2)])
    assert User.objects.count() == 2


def test_what_is_no_place_or_language_is_left_out_and_told():
    mended = adopted.bring([newcomer(country="Atlantis", timezone="Moon/Sea", language="?", bio="b" * 3000)])
    assert set(mended[uuid.UUID(int=1)]) == {"country", "timezone", "language", "bio"}


def test_nobody_who_was_adopted_is_swept_as_unproven():
    adopted.bring([newcomer()])
    actions.forget_unproven()
    assert User.objects.exists()


def test_staff_set_an_address_in_the_place_of_a_placeholder():
    adopted.bring([newcomer()])
    actions.change_email(user=User.objects.get(), email="ana@example.org")
    assert User.objects.get().email == "ana@example.org"


def test_no_letter_goes_to_a_placeholder():
    message = EmailMessage("Hello", "You", to=[f"x@{letters.PLACEHOLDER}", "ana@example.org"])
    assert [letter.recipient for letter in letters.queue(message)] == ["ana@example.org"]
