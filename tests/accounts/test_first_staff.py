"""The first account of an empty house."""

import io

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from apps.accounts.models import User
from tests.make import make_user

pytestmark = pytest.mark.django_db


def said(*args) -> str:
    out = io.StringIO()
    call_command("first_staff", *args, stdout=out)
    return out.getvalue()


def password_in(text: str) -> str:
    return text.split("Password")[1].split()[0]


def test_the_first_admin_is_made_and_the_password_said_once(rf):
    told = said()
    user = authenticate(rf.post("/"), username="admin@keeptrack.local", password=password_in(told))
    assert user is not None and user.is_staff
    assert said() == ""


def test_a_lost_password_can_be_reset(rf):
    first, second = password_in(said()), password_in(said("--reset"))
    assert first != second
    assert authenticate(rf.post("/"), username="admin@keeptrack.local", password=second)


def test_nothing_happens_when_an_admin_exists(boss):
    assert said() == "" and User.objects.count() == 1


def test_a_taken_username_is_no_obstacle():
    make_user("admin")
    assert "Password" in said()
