"""What a new person may choose."""

import pytest

from apps.accounts.models import User
from tests.doors.entrance import DOORS, browser, claim
from tests.make import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "name", ["x", "-x", "a b", "é" * 5, "../etc", "a@b.example", "x" * 31, "ANA", "admin", "\ud800"]
)
def test_a_name_that_nobody_may_have_is_refused(door, name):
    """S4-11: in words, and nobody is made."""
    make_user("ana")
    answer = door.sign_up(browser(), "new@example.org", profile_username=name.encode("utf-8", "replace").decode())
    assert answer.status_code == (200 if door is DOORS[0] else 400)
    assert not User.objects.filter(email="new@example.org").exists()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("password", ["", "short", "password123", "1234567890", "new@example.org", "newperson@example"])
def test_a_password_that_is_easily_guessed_is_refused(door, password):
    """At both doors alike: short, common, or made of the address."""
    answer = door.sign_up(browser(), "newperson@example.org" if "person" in password else "new@example.org", password)
    assert answer.status_code == (200 if door is DOORS[0] else 400)
    assert not User.objects.exists()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("email", ["", "no", "a@b", "@example.org", "a b@example.org", "x" * 250 + "@example.org",
                                   "a@example.org\x00", "a@example.org\nBcc: b@example.org"])  # fmt: skip
def test_what_is_no_address_is_refused(door, email):
    answer = door.sign_up(browser(), email)
    assert answer.status_code == (200 if door is DOORS[0] else 400)
    assert not User.objects.exists()


def test_nothing_but_what_the_form_asks_for_is_taken():
    """Mass assignment: roles, dates and switches are nobody's to choose."""
    more = {
        "is_active": "",
        "email_verified_at": "2020-01-01",
        "roles": "admin",
        "is_staff": "1",
        "id": "1",
        "plan": "pro",
    }
    user = claim("new@example.org", **more)
    assert user.is_active and user.email_verified_at is None and not user.is_staff and user.tier == "free"
