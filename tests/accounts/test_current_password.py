"""The old password is proven before a new one is set; that guesses count is tested at the doors, with the lock-out."""

import bcrypt
import pytest
from allauth.account import app_settings
from django.urls import resolve
from django.utils.module_loading import import_string

from apps.accounts import current_password
from apps.accounts.models import User
from tests.doors.entrance import DOORS, JSON, NEW, codes, pages, programs, signed_in, who
from tests.make import PASSWORD

pytestmark = pytest.mark.django_db

OLD_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def test_both_doors_use_the_forms_that_count():
    """The page's by a setting, the program's by its address, which must come before allauth's own."""
    assert import_string(app_settings.FORMS["change_password"]) is current_password.ChangePassword
    assert resolve(f"{JSON}/account/password/change").func is current_password.change_password


def test_a_wrong_password_is_told_in_words_and_by_code(ana):
    assert (
        "This is not your current password." in pages.change_password(signed_in(pages, ana), "wrong").content.decode()
    )
    answer = programs.change_password(signed_in(programs, ana), "wrong")
    assert (answer.status_code, codes(answer)) == (400, ["enter_current_password"])
    assert User.objects.get(pk=ana.pk).check_password(PASSWORD)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("old", ["", PASSWORD])
def test_a_new_password_must_be_a_good_one_and_the_old_one_given(door, old, ana):
    client = signed_in(door, ana)
    for new in ("short", "password1234") if old else (NEW,):
        door.change_password(client, old, new)
    assert User.objects.get(pk=ana.pk).check_password(PASSWORD) and who(client) == ana.email


@pytest.mark.parametrize("door", DOORS)
def test_an_old_hash_that_is_upgraded_on_the_way_is_no_obstacle(door, ana, settings):
    """The new password is compared and set against the hash that lies there now."""
    settings.PASSWORD_HASHERS = [*settings.PASSWORD_HASHERS, "apps.accounts.hashers.LegacyBcrypt"]
    client = signed_in(door, ana)
    session = client.session
    User.objects.filter(pk=ana.pk).update(password=OLD_HASH)
    session["_auth_user_hash"] = User.objects.get(pk=ana.pk).get_session_auth_hash()
    session.save()
    assert door.change_password(client, PASSWORD).status_code in (200, 302)
    assert User.objects.get(pk=ana.pk).check_password(NEW)
    assert who(client) == ana.email


def test_nobody_changes_a_password_without_being_signed_in(client):
    assert pages.change_password(client, PASSWORD).status_code == 302
    assert programs.change_password(client, PASSWORD).status_code == 401
