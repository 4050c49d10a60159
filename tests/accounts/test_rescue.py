"""Why somebody cannot get in, and what staff may do about it."""

import datetime as dt

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from apps.accounts import actions, lockout, rescue
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.lib.errors import Conflict, Forbidden
from tests.lib.threads import side_by_side
from tests.make import PASSWORD, make_user

NOW = timezone.now()


def kinds(user: User, now: dt.datetime = NOW) -> list[str]:
    return [found.kind for found in rescue.obstacles(user=user, now=now)]


def signs_in(user: User, address: str = "203.0.113.7") -> bool:
    sent = {"login": user.email, "password": PASSWORD}
    return Client(REMOTE_ADDR=address).post("/sign-in", sent).status_code == 302


def switch_off(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.is_active = False


def unprove(user: User) -> None:
    EmailAddress.objects.filter(user=user).update(verified=False)


def lock_out(user: User) -> None:
    for _ in range(5):
        lockout.count(email=user.email, address="203.0.113.7", now=NOW)


def lose_password(user: User) -> None:
    user.set_unusable_password()
    user.save()


def get_foreign_hash(user: User) -> None:
    user.password = "argon9$of$another$house"
    user.save()


def test_nothing_is_in_the_way_of_who_can_sign_in(ana):
    assert signs_in(ana)
    assert kinds(ana) == []


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (switch_off, "off"),
        (unprove, "unverified"),
        (lock_out, "locked"),
        (lose_password, "password"),
        (get_foreign_hash, "password"),
    ],
)
def test_whatever_keeps_somebody_out_is_named(ana, spoil, kind):
    """Each of these is asked of the real door too, so that the two cannot drift apart."""
    spoil(ana)
    assert not signs_in(ana)
    assert kinds(ana) == [kind]


def test_a_lock_out_is_named_for_as_long_as_it_lasts(ana):
    lock_out(ana)
    assert kinds(ana, NOW + dt.timedelta(minutes=14)) == ["locked"]
    assert kinds(ana, NOW + dt.timedelta(minutes=16)) == []


def test_an_address_that_is_vouched_for_is_verified_and_waits_for_no_other(ana):
    unprove(ana)
    EmailAddress.objects.create(user=ana, email="wished@example.org")
    rescue.vouch(user=ana)
    assert list(EmailAddress.objects.filter(user=ana).values_list("email", "verified")) == [("ana@example.org", True)]
    assert signs_in(ana)


def switch(user: User) -> None:
    rescue.switch(user=user, active=False)


def take_second_factor(user: User) -> None:
    Authenticator.objects.create(user=user, type="totp", data={})
    rescue.drop_second_factor(user=user, by=None)


@pytest.mark.parametrize("help_out", [switch, take_second_factor])
def test_staff_who_help_drop_a_change_of_address_that_waits(ana, help_out):
    """A thief may have asked for it."""
    EmailAddress.objects.create(user=ana, email="wished@example.org")
    help_out(ana)
    assert list(EmailAddress.objects.filter(user=ana).values_list("email", flat=True)) == [ana.email]


def test_switching_on_opens_no_session_of_before(ana, client):
    """One that began at the very moment of switching off."""
    rescue.switch(user=ana, active=False)
    client.force_login(ana)
    rescue.switch(user=ana, active=True)
    assert not ana.sessions.exists()


def test_who_is_switched_off_is_out_and_who_is_switched_on_comes_in_again(ana):
    rescue.switch(user=ana, active=False)
    assert not signs_in(ana)
    rescue.switch(user=ana, active=True)
    assert signs_in(ana)


def test_the_last_admin_who_is_on_is_not_switched_off(boss, ana):
    gone = make_user(roles=[Role.ADMIN])
    rescue.switch(user=gone, active=False)
    with pytest.raises(Conflict, match="last admin"):
        rescue.switch(user=boss, active=False)
    rescue.switch(user=ana, active=False)
    assert User.objects.get(pk=boss.pk).is_active


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_switch_each_other_off_one_stays():
    pair = [make_user(roles=[Role.ADMIN]) for _ in range(2)]
    results = side_by_side(*(lambda user=user: rescue.switch(user=user, active=False) for user in pair))
    assert [type(result) for result in results if result] == [Conflict]
    assert User.objects.filter(is_active=True).count() == 1


def test_a_second_factor_goes_with_its_codes_and_by_another_hand_alone(boss, ana):
    for user in (boss, ana):
        Authenticator.objects.create(user=user, type="totp", data={})
    Authenticator.objects.create(user=ana, type="recovery_codes", data={})
    assert ana.has_second_factor
    rescue.drop_second_factor(user=ana, by=boss)
    assert not ana.has_second_factor
    with pytest.raises(Conflict):
        rescue.drop_second_factor(user=ana, by=boss)
    with pytest.raises(Forbidden):
        rescue.drop_second_factor(user=boss, by=boss)
    assert Authenticator.objects.count() == 1


def test_who_never_proved_an_address_is_helped_to_a_name_by_it(db):
    tomo = actions.register(email="tomo@example.org", password=PASSWORD, username="tomo")
    rescue.vouch(user=tomo)
    tomo.profile.refresh_from_db()
    assert tomo.profile.username == "tomo"
