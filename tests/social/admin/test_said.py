"""Posts, comments and decisions in the admin: found, hidden and shown again with a reason."""

import pytest
from django.contrib.admin import site
from django.db import connection
from django.urls import reverse

from apps.accounts.models import Notice
from apps.social import moderation
from apps.social.models import Decision
from tests.make import make_comment, make_post, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(mod, client):
    client.force_login(mod)
    return client


@pytest.fixture(params=["post", "comment"])
def row(request, ana):
    post = make_post(ana, "Buy now")
    return post if request.param == "post" else make_comment(post, ana, "Buy now")


def address(row, name: str) -> str:
    keys = [row.pk] if name != "changelist" else []
    return reverse(f"admin:social_{row._meta.model_name}_{name}", args=keys)


def test_a_button_asks_why_and_then_hides_or_restores(desk, row, ana):
    for name, status in (("hide", "hidden"), ("restore", "shown")):
        asked = desk.get(address(row, name)).content.decode()
        assert 'name="reason"' in asked and "told the reason" in asked
        desk.post(address(row, name), {"reason": f"To {name}"})
        row.refresh_from_db()
        assert row.status == status
    assert [notice.message.count("To ") for notice in Notice.objects.filter(user=ana)] == [1, 1]


def test_only_the_button_that_makes_sense_is_there(desk, row):
    hide, restore = address(row, "hide"), address(row, "restore")
    shown = desk.get(address(row, "change")).content.decode()
    assert hide in shown and restore not in shown
    moderation.hide(said=row, by=None, reason="Spam")
    hidden = desk.get(address(row, "change")).content.decode()
    assert hide not in hidden and restore in hidden and "Spam" in hidden


def test_many_are_hidden_with_one_reason_and_those_that_refuse_are_named(desk, row, ana):
    moderation.hide(said=row, by=None, reason="Before")
    other = make_post(ana, "Other") if row._meta.model_name == "post" else make_comment(row.post, ana, "Other")
    chosen = {"action": "hide_chosen", "_selected_action": [row.pk, other.pk], "index": "0"}
    assert b'name="reason"' in desk.post(address(row, "changelist"), {**chosen, "reason": " "}).content
    page = desk.post(address(row, "changelist"), {**chosen, "reason": "Spam"}, follow=True)
    told = " ".join(str(message) for message in page.context["messages"])
    assert "1 done, 1 refused" in told and "hidden already" in told
    assert Decision.objects.latest("pk").reason == "Spam"


@pytest.mark.parametrize(
    ("query", "found"),
    [({"q": "buy"}, 1), ({"q": "ana"}, 1), ({"q": "sell"}, 0), ({"status": "hidden"}, 0), ({"reported": "open"}, 1)],
)
def test_what_somebody_said_is_found(desk, row, query, found):
    assert desk.get(address(row, "changelist"), query).context["cl"].result_count == 0 or found
    moderation.report(said=row, by=make_user(), reason="spam")
    assert desk.get(address(row, "changelist"), query).context["cl"].result_count == found


def test_words_are_found_by_an_index(row):
    """A million rows are not read for one word."""
    found, _ = site.get_model_admin(type(row)).search(None, type(row).objects.all(), 'buy "ana"')
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert f"{row._meta.model_name}_words" in found.explain()


def test_decisions_are_read_with_their_reasons(desk, row, mod):
    moderation.hide(said=row, by=mod, reason="It is an advertisement")
    page = desk.get("/admin/social/decision/", {"q": "advertisement"})
    assert page.context["cl"].result_count == 1
    assert "Buy now" in page.content.decode()
    assert desk.get("/admin/social/decision/", {"did": "restored"}).context["cl"].result_count == 0
