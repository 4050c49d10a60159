"""The list of people: who is found by what, and what stands in a row."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts import actions, lockout, subscriptions
from apps.accounts.models import Subscription, User
from apps.accounts.roles import Role
from tests.accounts.admin.desk import ELSEWHERE, PEOPLE, listed, lock_out, secure, unverified
from tests.make import make_user

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def test_people_are_found_by_address_and_name(desk, ana):
    for query in ({"q": "ana@ex"}, {"q": "ANA"}, {"q": str(ana.pk)}):
        assert listed(desk, PEOPLE, **query) == [ana]


def test_people_are_found_by_what_they_have_and_what_is_in_their_way(desk, boss, ana, bob):
    tomo = unverified()
    lock_out(ana)
    lockout.count(email=bob.email, address=ELSEWHERE)
    secure(bob)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    paying, guest = make_user("paying", plan="pro"), make_user("guest", plan="enterprise")
    subscriptions.override(user=guest, plan="pro", reason="a guest", until=NOW + dt.timedelta(days=1), by=boss)
    assert listed(desk, PEOPLE, role="admin") == [boss]
    assert listed(desk, PEOPLE, trouble="locked") == [ana]
    assert listed(desk, PEOPLE, trouble="unverified") == [tomo]
    assert listed(desk, PEOPLE, trouble="off") == [bob]
    assert listed(desk, PEOPLE, factor="on") == [bob]
    assert bob not in listed(desk, PEOPLE, factor="off")
    assert set(listed(desk, PEOPLE, tier="pro")) == {paying, guest}
    assert listed(desk, PEOPLE, tier="enterprise") == []
    assert set(listed(desk, PEOPLE, tier="free")) == {boss, ana, bob, tomo}


def test_the_list_says_who_may_what_and_what_is_in_their_way(desk):
    mona = make_user("mona", roles=[Role.MODERATOR, Role.ARTIST], plan="enterprise")
    lock_out(mona)
    content = desk.get(PEOPLE, {"q": "mona"}).content.decode()
    for word in ("moderator", "artist", "enterprise", "locked out", "never"):
        assert word in content


def test_the_list_knows_every_role_and_plan(desk, ana):
    actions.hand_over_gallery(to=ana, by=None)
    for role in set(Role) - {Role.GALLERY_OWNER}:
        make_user(roles=[role])
    for plan in Subscription.Plan:
        make_user(plan=plan)
    page = desk.get(PEOPLE).content.decode()
    assert all(role.replace("_", " ") in page for role in Role)
