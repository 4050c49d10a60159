"""Sign-in by e-mail."""

import bcrypt
import pytest
from django.contrib.auth import authenticate

from apps.accounts import actions
from apps.accounts.backends import holder_of
from apps.accounts.models import User
from tests.make import PASSWORD, make_user

pytestmark = pytest.mark.django_db

OLD_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def test_the_right_person_comes_in_whatever_the_case(rf):
    """S4-17: and never anybody else."""
    make_user("victim")
    ana = make_user("ana")
    assert authenticate(rf.post("/"), username=" ANA@example.ORG ", password=PASSWORD) == ana
    assert authenticate(rf.post("/"), email="ana@example.org", password=PASSWORD) == ana


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("nobody@nowhere.example", PASSWORD), ("ana@example.org", "wrong"), ("", ""), ("ana@example.org", ""),
        ("%", PASSWORD), ("ana@example.org", "\ud800"), ("nobody@nowhere.example", "\ud800"),
        ("ana@example.org", None), ("an_@example.org", PASSWORD), ("ana@example.org%", PASSWORD),
    ],
)  # fmt: skip
def test_everyone_else_stays_out(rf, ana, email, password):
    """The seed's login query let an unknown address in as somebody else."""
    assert authenticate(rf.post("/"), username=email, password=password) is None


def test_a_switched_off_account_stays_out_and_is_signed_out(rf, ana, client):
    client.force_login(ana)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert authenticate(rf.post("/"), username=ana.email, password=PASSWORD) is None
    assert client.get("/api/v1/me").status_code in (401, 403)


@pytest.mark.parametrize("email", ["\u017fam@example.org", "sam@example.org\u0131", "\u212aim@example.org"])
def test_letters_that_only_look_alike_in_upper_case_are_others(email):
    make_user("sam")
    found = holder_of(email)
    assert found is None and holder_of("SAM@example.org") is not None


def test_the_holder_of_an_address_is_found_by_its_index(django_assert_num_queries, ana):
    with django_assert_num_queries(1) as asked:
        assert holder_of("ANA@EXAMPLE.ORG") == ana
    assert "LOWER(" in asked[0]["sql"] and "UPPER(" not in asked[0]["sql"]


def test_an_unknown_address_costs_the_hashing_of_one_password(rf, ana, monkeypatch):
    """Beside the even time of answers: work shows in more than a clock."""
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, password: hashed.append(password))
    authenticate(rf.post("/"), username="nobody@example.org", password="wrong")
    assert hashed == ["wrong"]


def test_an_upgrade_of_the_hash_never_undoes_a_new_password(rf, ana, settings, monkeypatch):
    """Somebody signs in with the old password at the moment in which it is replaced."""
    settings.PASSWORD_HASHERS = [*settings.PASSWORD_HASHERS, "apps.accounts.hashers.LegacyBcrypt"]
    User.objects.filter(pk=ana.pk).update(password=OLD_HASH)
    set_password = User.set_password

    def meanwhile(self, password):
        monkeypatch.undo()
        actions.set_password(user=User.objects.get(pk=ana.pk), password="glass orchard seven")
        set_password(self, password)

    monkeypatch.setattr(User, "set_password", meanwhile)
    authenticate(rf.post("/"), username=ana.email, password=PASSWORD)
    assert User.objects.get(pk=ana.pk).check_password("glass orchard seven")


def test_an_upgrade_of_the_hash_keeps_the_password(rf, ana, settings):
    settings.PASSWORD_HASHERS = [*settings.PASSWORD_HASHERS, "apps.accounts.hashers.LegacyBcrypt"]
    User.objects.filter(pk=ana.pk).update(password=OLD_HASH)
    assert authenticate(rf.post("/"), username=ana.email, password=PASSWORD) == ana
    assert User.objects.get(pk=ana.pk).password.startswith("md5$")
    assert authenticate(rf.post("/"), username=ana.email, password=PASSWORD) == ana
