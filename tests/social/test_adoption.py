"""What stands in the way of another community; the rest is tested with whole databases in tests/moves."""

import pytest

from apps.accounts.roles import Role
from apps.social import adoption
from tests.make import make_track, make_user

pytestmark = pytest.mark.django_db


def test_staff_are_not_in_the_way():
    make_user(roles=[Role.ADMIN])
    assert adoption.in_the_way() == {}


def test_what_is_here_is_named_with_its_number():
    make_track(owner=make_user())
    assert adoption.in_the_way() == {"tracks": 1, "people without a role": 1}
