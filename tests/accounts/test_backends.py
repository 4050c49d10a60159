"""Sign-in by e-mail."""

import pytest
from django.contrib.auth import authenticate

from apps.accounts.models import User
from tests.make import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def test_the_right_person_comes_in_whatever_the_case(rf):
    """S4-17: and never anybody else."""
    make_user("victim")
    ana = make_user("ana")
    assert authenticate(rf.post("/"), username=" ANA@example.ORG ", password=PASSWORD) == ana


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("nobody@nowhere.example", PASSWORD),
        ("ana@example.org", "wrong"),
        ("", ""),
        ("ana@example.org", ""),
        ("%", PASSWORD),
    ],
)
def test_everyone_else_stays_out(rf, ana, email, password):
    """The seed's login query let an unknown address in as somebody else."""
    assert authenticate(rf.post("/"), username=email, password=password) is None


def test_a_switched_off_account_stays_out_and_is_signed_out(rf, ana, client):
    client.force_login(ana)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert authenticate(rf.post("/"), username=ana.email, password=PASSWORD) is None
    assert client.get("/api/v1/me").status_code in (401, 403)
