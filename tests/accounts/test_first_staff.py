"""The first account of an empty house."""

import io

import pytest
from django.core.management import call_command

from apps.accounts import actions, lockout
from apps.accounts.models import User
from tests.doors.entrance import browser, claim, pages, signed_in, turn_on, who
from tests.make import make_user

pytestmark = pytest.mark.django_db

EMAIL = "admin@keeptrack.local"


def said(*args) -> str:
    out = io.StringIO()
    call_command("first_staff", *args, stdout=out)
    return out.getvalue()


def password_in(text: str) -> str:
    return text.split("Password")[1].split()[0]


def enters(password: str) -> bool:
    """Through the door, and into the admin."""
    client = browser()
    pages.sign_in(client, EMAIL, password)
    return who(client) == EMAIL and client.get("/admin/").status_code == 200


def test_the_first_admin_is_made_and_the_password_said_once():
    assert enters(password_in(said()))
    assert said() == ""


def test_nothing_happens_when_an_admin_exists(boss):
    assert said() == "" and User.objects.count() == 1


def test_a_taken_username_is_no_obstacle():
    make_user("admin")
    assert enters(password_in(said()))


def test_who_is_locked_out_is_let_in_again():
    """Whatever stood in the way goes: a lost password or phone, guesses, a switch; and whoever else was in."""
    first = password_in(said())
    user = User.objects.get()
    thief = signed_in(pages, user, password=first)
    turn_on(user)
    User.objects.update(is_active=False)
    for _ in range(5):
        lockout.count(email=EMAIL, address="192.0.2.1")
    second = password_in(said("--reset"))
    assert first != second and enters(second) and not enters(first)
    assert who(thief) is None


def test_an_account_that_somebody_made_before_is_taken_over_whole():
    """Whoever signed up with the house's address before it had an admin must not become one."""
    user = claim(EMAIL)
    actions.set_password(user=user, password="chosen by a stranger")
    assert enters(password_in(said()))
    assert not enters("chosen by a stranger")
    assert User.objects.get() == user
