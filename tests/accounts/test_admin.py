import pytest
from django.contrib.auth.hashers import check_password
from django.test import Client
from django.utils import timezone

from apps.accounts import actions
from apps.accounts.models import ApiKey, Profile, RoleGrant, Subscription, User
from apps.accounts.roles import Role
from apps.lib.errors import Forbidden
from tests.make import PASSWORD, make_key, make_user

pytestmark = pytest.mark.django_db

PEOPLE = "/admin/accounts/user/"


@pytest.fixture
def desk(boss) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def page_of(user: User) -> str:
    return f"{PEOPLE}{user.pk}/change/"


def form_of(user: User, **changes) -> dict[str, str]:
    """What the page's form sends when nobody touches it, and then these changes."""
    profile, plans = user.profile, list(user.subscriptions.order_by("-period_start"))
    grants = list(user.grants.order_by("role"))
    sent = {"email": user.email, "is_active": "on"} if user.is_active else {"email": user.email}
    counts = {"profile": 1, "grants": len(grants), "subscriptions": len(plans), "api_keys": user.api_keys.count()}
    for prefix, count in counts.items():
        sent |= {f"{prefix}-TOTAL_FORMS": count, f"{prefix}-INITIAL_FORMS": count}
    sent |= {"profile-0-id": profile.pk, "profile-0-user": user.pk, "profile-0-username": profile.username}
    sent |= {"profile-0-timezone": profile.timezone, "profile-0-language": profile.language}
    for i, grant in enumerate(grants):
        sent |= {f"grants-{i}-id": grant.pk, f"grants-{i}-user": user.pk}
    for i, plan in enumerate(plans):
        sent |= {f"subscriptions-{i}-id": plan.pk, f"subscriptions-{i}-user": user.pk}
        sent |= {f"subscriptions-{i}-plan": plan.plan, f"subscriptions-{i}-status": plan.status}
        for name in (f"subscriptions-{i}-period_start", f"initial-subscriptions-{i}-period_start"):
            sent |= _moment(name, plan.period_start)
    return sent | changes


def _moment(name: str, when) -> dict[str, str]:
    return {f"{name}_0": f"{when:%Y-%m-%d}", f"{name}_1": f"{when:%H:%M:%S}"}


def test_a_new_person_comes_with_a_profile_and_a_password_that_works(desk):
    sent = {"email": "New.Person@Example.org", "password1": PASSWORD, "password2": PASSWORD}
    assert desk.post(f"{PEOPLE}add/", sent).status_code == 302
    person = User.objects.get(email__iexact="new.person@example.org")
    assert person.profile.username == "New.Person"
    assert person.roles == {Role.USER}
    assert Client().login(username="new.person@example.org", password=PASSWORD)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": "ANA@example.org"}, "This e-mail address is taken."),
        ({"password2": "something else"}, "password fields"),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"email": "no address"}, "valid email"),
    ],
)
def test_a_person_who_cannot_be_is_refused_with_the_reason(desk, ana, changes, words):
    sent = {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD, **changes}
    answer = desk.post(f"{PEOPLE}add/", sent)
    assert words in answer.content.decode()
    assert User.objects.count() == 2


def test_the_page_saves_as_it_stands(desk, ana):
    Subscription.objects.create(user=ana, plan="pro")
    actions.grant(user=ana, role=Role.ARTIST, by=None)
    make_key(ana)
    before = [list(model.objects.values()) for model in (RoleGrant, Subscription, ApiKey)]
    assert desk.post(page_of(ana), form_of(ana)).status_code == 302
    assert [list(model.objects.values()) for model in (RoleGrant, Subscription, ApiKey)] == before


def test_a_role_is_granted_by_whoever_presses_save(desk, boss, ana):
    sent = form_of(ana, **{"grants-TOTAL_FORMS": 1, "grants-0-user": ana.pk, "grants-0-role": "moderator"})
    assert desk.post(page_of(ana), sent).status_code == 302
    grant = RoleGrant.objects.get(user=ana)
    assert (grant.role, grant.granted_by) == ("moderator", boss)
    assert "boss@example.org" in desk.get(page_of(ana)).content.decode()


def test_a_role_is_withdrawn(desk, ana):
    actions.grant(user=ana, role=Role.ARTIST, by=None)
    assert desk.post(page_of(ana), form_of(ana, **{"grants-0-DELETE": "on"})).status_code == 302
    assert not RoleGrant.objects.filter(user=ana).exists()


def test_nobody_changes_their_own_roles_or_locks_themself_out(desk, boss):
    sent = form_of(boss, **{"grants-0-DELETE": "on", "grants-TOTAL_FORMS": 2, "grants-1-role": "gallery_owner"})
    del sent["is_active"]
    desk.post(page_of(boss), sent)
    boss = User.objects.get(pk=boss.pk)
    assert boss.is_active
    assert boss.roles == {Role.USER, Role.ADMIN}
    assert b'name="grants-MAX_NUM_FORMS" value="0"' in desk.get(page_of(boss)).content


def test_a_role_that_only_one_may_hold_is_refused_on_the_form_and_nothing_of_it_is_saved(desk, ana, bob):
    actions.grant(user=bob, role=Role.GALLERY_OWNER, by=None)
    role = {"grants-TOTAL_FORMS": 1, "grants-0-user": ana.pk, "grants-0-role": "gallery_owner"}
    answer = desk.post(page_of(ana), form_of(ana, **role, **{"profile-0-display_name": "Ana"}))
    assert "correct the error" in answer.content.decode()
    assert not RoleGrant.objects.filter(user=ana).exists()
    assert Profile.objects.get(user=ana).display_name == ""


def test_a_rule_that_says_no_becomes_a_message_and_nothing_is_saved(desk, ana, monkeypatch):
    """As when another admin takes the right away between the page and its form."""

    def too_late(**_):
        raise Forbidden("Only an admin grants roles.")

    monkeypatch.setattr(actions, "grant", too_late)
    role = {"grants-TOTAL_FORMS": 1, "grants-0-user": ana.pk, "grants-0-role": "artist"}
    answer = desk.post(page_of(ana), form_of(ana, **role, **{"profile-0-display_name": "Ana"}), follow=True)
    assert [str(message) for message in answer.context["messages"]] == ["Only an admin grants roles."]
    assert Profile.objects.get(user=ana).display_name == ""


def test_what_only_the_database_refuses_becomes_a_message_too(desk, ana):
    """Two live plans in one form: no row contradicts them yet, so only the constraint does."""
    new = {"subscriptions-TOTAL_FORMS": 2}
    for i in range(2):
        new |= {
            f"subscriptions-{i}-user": ana.pk,
            f"subscriptions-{i}-plan": "pro",
            f"subscriptions-{i}-status": "active",
        }
        new |= _moment(f"subscriptions-{i}-period_start", timezone.now())
    answer = desk.post(page_of(ana), form_of(ana, **new), follow=True)
    assert "contradicts what is stored" in str(list(answer.context["messages"])[0])
    assert not Subscription.objects.exists()


def test_two_live_plans_are_refused(desk, ana):
    Subscription.objects.create(user=ana, plan="pro")
    second = {"subscriptions-TOTAL_FORMS": 2, "subscriptions-1-user": ana.pk, "subscriptions-1-plan": "enterprise",
              "subscriptions-1-status": "active", **_moment("subscriptions-1-period_start", timezone.now())}  # fmt: skip
    desk.post(page_of(ana), form_of(ana, **second))
    assert Subscription.objects.get(user=ana).plan == "pro"


def test_a_plan_given_here_is_the_tier_of_the_person(desk, ana):
    new = {"subscriptions-TOTAL_FORMS": 1, "subscriptions-0-user": ana.pk, "subscriptions-0-plan": "pro",
           "subscriptions-0-status": "active", **_moment("subscriptions-0-period_start", timezone.now())}  # fmt: skip
    assert desk.post(page_of(ana), form_of(ana, **new)).status_code == 302
    assert ana.tier == "pro"
    assert [row.pk for row in desk.get(PEOPLE, {"tier": "pro"}).context["cl"].result_list] == [ana.pk]


def test_a_new_address_is_not_a_verified_one(desk, ana):
    User.objects.filter(pk=ana.pk).update(email_verified_at=timezone.now())
    desk.post(page_of(ana), form_of(ana))
    assert User.objects.get(pk=ana.pk).email_verified_at is not None
    desk.post(page_of(ana), form_of(ana, email="other@example.org"))
    assert User.objects.get(pk=ana.pk).email_verified_at is None


def test_staff_set_a_new_password_for_somebody(desk, ana):
    path = f"{PEOPLE}{ana.pk}/password/"
    assert path.split("/")[-2] in desk.get(page_of(ana)).content.decode()
    new = "another horse battery"
    sent = {"password1": new, "password2": new, "usable_password": "true", "set-password": "1"}
    assert desk.post(path, sent).status_code == 302
    assert check_password(new, User.objects.get(pk=ana.pk).password)


def test_a_key_shows_its_first_characters_and_never_its_digest(desk, ana):
    clear, key = make_key(ana, "read", "upload"), ApiKey.objects.get()
    for path in ("/admin/accounts/apikey/", f"/admin/accounts/apikey/{key.pk}/change/", page_of(ana)):
        content = desk.get(path).content.decode()
        assert key.prefix in content
        assert "read, upload" in content
        assert key.digest not in content
        assert clear not in content


def test_a_revoked_key_is_said_to_be_revoked(desk, ana):
    make_key(ana)
    desk.post(f"/admin/accounts/apikey/{ApiKey.objects.get().pk}/revoke/")
    assert "revoked" in desk.get(page_of(ana)).content.decode()
    listed = desk.get("/admin/accounts/apikey/", {"state": "revoked"}).context["cl"].result_list
    assert [key.revoked_at is not None for key in listed] == [True]


def test_people_are_found_by_address_name_and_role(desk, boss, ana):
    for query in ({"q": "ana@ex"}, {"q": "ANA"}):
        assert [row.pk for row in desk.get(PEOPLE, query).context["cl"].result_list] == [ana.pk]
    assert [row.pk for row in desk.get(PEOPLE, {"role": "admin"}).context["cl"].result_list] == [boss.pk]


def test_the_list_says_who_may_what(desk):
    make_user("mona", roles=[Role.MODERATOR, Role.ARTIST], plan="enterprise")
    content = desk.get(PEOPLE, {"q": "mona"}).content.decode()
    for word in ("moderator", "artist", "enterprise", "never"):
        assert word in content


def test_the_list_knows_every_role_and_plan(desk):
    for role in Role:
        make_user(roles=[role])
    for plan in Subscription.Plan:
        make_user(plan=plan)
    page = desk.get("/admin/accounts/user/").content.decode()
    assert all(role.replace("_", " ") in page for role in Role)
