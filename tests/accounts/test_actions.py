"""People, roles and keys."""

import datetime as dt
import re

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts import actions, sessions
from apps.accounts.models import ApiKey, RoleChange, RoleGrant, User
from apps.accounts.roles import Role
from apps.lib.errors import Conflict, Forbidden, Refusal
from tests.make import make_track, make_user

pytestmark = pytest.mark.django_db


def test_an_address_is_one_regardless_of_case():
    """S4-08, by constraint."""
    make_user("ana")
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.register(email="ANA@EXAMPLE.ORG", password="x" * 12, username="other")
    assert User.objects.count() == 1


def test_a_username_is_made_from_the_address_and_never_taken_twice():
    first = actions.register(email="jo.ann@a.example", password=None, vouched=True)
    second = actions.register(email="jo.ann@b.example", password=None, vouched=True)
    third = actions.register(email="ß@c.example", password=None, vouched=True)
    names = [user.profile.username for user in (first, second, third)]
    assert names[0] == "jo.ann" and len(set(names)) == 3 and names[2].startswith("listener")


def test_a_person_nobody_vouches_for_holds_no_name_before_the_address_is_proven():
    """Neither the one wished for nor one made from the address: both would tell that the address was unknown."""
    wished, plain = (
        actions.register(email=f"jo{n}@a.example", password=None, username=w) for n, w in ((1, "Jo"), (2, ""))
    )
    assert all(re.fullmatch("new-[0-9a-f]{16}", user.profile.username) for user in (wished, plain))
    for user in (wished, plain):
        actions.verified(user=user)
        user.profile.refresh_from_db()
    assert [user.profile.username for user in (wished, plain)] == ["Jo", "jo2"]
    assert wished.profile.display_name == ""


def test_a_name_that_went_to_somebody_else_meanwhile_becomes_another():
    first, second = (actions.register(email=f"jo{n}@a.example", password=None, username="jo") for n in (1, 2))
    for user in (first, second):
        actions.verified(user=user)
        user.profile.refresh_from_db()
    assert first.profile.username == "jo" and re.fullmatch("jo-[0-9a-f]{6}", second.profile.username)


def test_a_chosen_name_survives_another_proof(ana):
    ana.profile.username = "new-wave"
    ana.profile.save()
    actions.verified(user=ana)
    ana.profile.refresh_from_db()
    assert ana.profile.username == "new-wave"


def test_an_address_is_proven_at_the_time_given(ana):
    when = timezone.now() - dt.timedelta(days=3)
    actions.verified(user=ana, now=when)
    assert User.objects.get(pk=ana.pk).email_verified_at == ana.email_verified_at == when


def test_a_claim_gives_way_to_the_proof_of_another():
    ana, claimed = make_user("ana"), actions.register(email="wanted@example.org", password=None)
    for proven in (make_user("wanted-too"), make_user("bob")):
        actions.give_way(email=proven.email, to=ana)
    actions.give_way(email="wanted@example.org", to=claimed)
    assert User.objects.count() == 4
    actions.give_way(email="wanted@example.org", to=ana)
    assert not User.objects.filter(pk=claimed.pk).exists()


@pytest.mark.parametrize("sign", ["proven", "was in", "role", "key", "tracks", "new"])
def test_an_account_that_anybody_used_is_not_forgotten(sign):
    """Only what nobody proved, entered or filled within a week goes."""
    user = actions.register(email="new@example.org", password=None)
    now = user.created_at + (dt.timedelta(days=6) if sign == "new" else dt.timedelta(days=8))
    if sign == "proven":
        actions.verified(user=user)
    elif sign == "was in":
        User.objects.update(last_login=now)
    elif sign == "role":
        actions.grant(user=user, role=Role.ARTIST, by=None)
    elif sign == "key":
        actions.create_key(user=user, name="x", scopes=["read"])
    elif sign == "tracks":
        make_track(user)
    assert actions.forget_unproven(now=now) == 0
    assert User.objects.get() == user


@pytest.mark.parametrize("sweep", ["forget", "give way"])
def test_an_address_that_is_proven_at_the_moment_of_the_sweep_stays(monkeypatch, sweep):
    """The row is looked at again behind its lock: here somebody follows the link just before the lock is had."""
    user = actions.register(email="new@example.org", password=None)
    lock = QuerySet.select_for_update

    def meanwhile(rows, *args, **more):
        monkeypatch.undo()
        actions.verified(user=user)
        return lock(rows, *args, **more)

    monkeypatch.setattr(QuerySet, "select_for_update", meanwhile)
    if sweep == "forget":
        assert actions.forget_unproven(now=user.created_at + dt.timedelta(days=8)) == 0
    else:
        actions.give_way(email=user.email, to=make_user("ana"))
    assert User.objects.filter(pk=user.pk).exists()


def test_a_new_password_ends_all_sessions_but_one(ana, as_):
    clients = [as_(ana) for _ in range(3)]
    keep = clients[0].cookies["sessionid"].value
    actions.set_password(user=ana, password="glass orchard seven", keep=keep)
    assert ana.sessions.get().session_key == sessions.digest(keep)
    actions.set_password(user=ana, password="glass orchard eight")
    assert not ana.sessions.exists()


def test_of_two_new_passwords_at_once_the_first_is_set(ana):
    """S4-10: both saw the same old one."""
    first, second = User.objects.get(pk=ana.pk), User.objects.get(pk=ana.pk)
    actions.set_password(user=first, password="glass orchard seven")
    with pytest.raises(Conflict):
        actions.set_password(user=second, password="glass orchard eight")
    assert User.objects.get(pk=ana.pk).check_password("glass orchard seven")


def test_staff_correct_an_address_which_is_then_proven(ana, bob):
    """One row for it, whatever was asked for before; an address of somebody else is refused."""
    EmailAddress.objects.create(user=ana, email="asked@example.org")
    actions.change_email(user=ana, email=" New@Example.org ")
    assert ana.email == User.objects.get(pk=ana.pk).email == "new@example.org"
    assert list(ana.emailaddress_set.values_list("email", "verified", "primary")) == [("new@example.org", True, True)]
    with pytest.raises(Refusal) as refused:
        actions.change_email(user=ana, email="BOB@example.org")
    assert "email" in refused.value.fields


def test_the_gallery_is_handed_over_in_one_act(ana, bob, boss):
    """S2-01, C-09: from nobody, then from one to the next, each move on record; only an admin does it."""
    actions.hand_over_gallery(to=ana, by=boss)
    actions.hand_over_gallery(to=bob, by=boss)
    assert RoleGrant.objects.get(role=Role.GALLERY_OWNER).user == bob
    moves = RoleChange.objects.filter(role=Role.GALLERY_OWNER).order_by("pk")
    assert [(m.user, m.change) for m in moves] == [(ana, "granted"), (ana, "withdrawn"), (bob, "granted")]
    with pytest.raises(Forbidden):
        actions.hand_over_gallery(to=ana, by=bob)
    with pytest.raises(Refusal) as refused:
        actions.withdraw(user=bob, role=Role.GALLERY_OWNER, by=boss)
    assert refused.value.code == "GALLERY_OWNER_NEEDED"


def test_only_an_admin_grants_and_nobody_to_themself(ana, bob, mod, boss):
    for by, user in [(ana, bob), (mod, bob), (boss, boss), (ana, ana)]:
        with pytest.raises(Forbidden):
            actions.grant(user=user, role=Role.ADMIN, by=by)
    grant = actions.grant(user=bob, role=Role.MODERATOR, by=boss)
    assert grant.granted_by == boss and Role.MODERATOR in bob.roles and bob.is_staff


def test_a_grant_said_twice_is_one(boss, bob):
    actions.grant(user=bob, role=Role.ARTIST, by=boss)
    actions.grant(user=bob, role=Role.ARTIST, by=boss)
    assert bob.grants.count() == 1


def test_a_role_taken_back_is_gone_at_once(boss, mod):
    actions.withdraw(user=mod, role=Role.MODERATOR, by=boss)
    assert not User.objects.get(pk=mod.pk).is_staff and not mod.is_staff


def test_the_last_admin_stays(boss):
    with pytest.raises(Refusal) as refused:
        actions.withdraw(user=boss, role=Role.ADMIN, by=None)
    assert refused.value.code == "LAST_ADMIN"
    second = make_user("second", roles=[Role.ADMIN])
    actions.withdraw(user=boss, role=Role.ADMIN, by=second)


def test_there_is_one_gallery_owner(ana, bob):
    """S2-01, by constraint."""
    actions.grant(user=ana, role=Role.GALLERY_OWNER, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleGrant.objects.create(user=bob, role=Role.GALLERY_OWNER)


def test_a_key_is_shown_once_and_never_kept(ana):
    key, clear = actions.create_key(user=ana, name="laptop", scopes=["read"])
    stored = ApiKey.objects.filter(pk=key.pk).values().get()
    assert clear.startswith(stored["prefix"]) and clear not in map(str, stored.values())


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "root"]])
def test_a_key_has_known_scopes(ana, scopes):
    with pytest.raises(Refusal) as refused:
        actions.create_key(user=ana, name="x", scopes=scopes)
    assert "scopes" in refused.value.fields


def test_a_key_ends_by_time_by_revocation_and_with_its_person(ana):
    now = timezone.now()
    key, _ = actions.create_key(user=ana, name="x", scopes=["read"], expires_at=now + dt.timedelta(hours=1))
    usable = ApiKey.objects.usable
    assert usable(now).exists() and not usable(now + dt.timedelta(hours=1)).exists()
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert not usable(now).exists()
    User.objects.filter(pk=ana.pk).update(is_active=True)
    actions.revoke_key(key=key)
    assert not usable(now).exists() and ApiKey.objects.get(pk=key.pk).revoked_at
