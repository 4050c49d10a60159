"""The queue of reports: one line for each thing, settled from one to the next."""

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.urls import reverse

from apps.lib.admin import page_of
from apps.social import moderation
from apps.social.models import Decision, Post, Report
from tests.make import make_comment, make_post, make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/social/report/"


@pytest.fixture
def queue(ana):
    """Three things of Ana's, the first one reported twice; the newest report of each, newest first."""
    post, other = make_post(ana, "Buy <b>now</b>"), make_post(ana, "Other")
    rows = [post, make_comment(post, ana, "Below"), other, post]
    made = [moderation.report(said=row, by=make_user(), reason="abuse" if n else "spam") for n, row in enumerate(rows)]
    return made[:0:-1]


@pytest.fixture
def desk(mod, client):
    client.force_login(mod)
    return client


def press(client, report, name: str, **sent):
    return client.post(reverse(f"admin:social_report_{name}", args=[report.pk]), sent, follow=True)


def said(page) -> str:
    return " ".join(str(message) for message in page.context["messages"])


def test_the_list_has_a_line_for_each_thing_with_how_often_and_for_what(desk, queue):
    found = desk.get(LIST).context["cl"].result_list
    assert list(found) == queue
    assert [sorted(row.reasons) for row in found] == [["abuse", "spam"], ["abuse"], ["abuse"]]
    assert desk.get(LIST, {"state": "all"}).context["cl"].result_count == 4
    assert desk.get(LIST, {"about": "comment"}).context["cl"].result_count == 1


@pytest.mark.parametrize(
    ("q", "found"), [("buy now", 1), ("below", 1), ("ana", 3), ("nobody", 0), ("ana other", 1), ("%", 0), ("abuse", 0)]
)
def test_a_report_is_found_by_what_was_said_and_by_whom(desk, queue, q, found):
    assert desk.get(LIST, {"q": q}).context["cl"].result_count == found


def test_what_was_said_to_moderators_is_found(desk, ana):
    moderation.report(said=make_post(ana), by=make_user(), reason="spam", details="Always the same link")
    assert desk.get(LIST, {"q": '"same link"'}).context["cl"].result_count == 1


def test_a_report_is_found_by_indexes(queue):
    """A million rows are not read for one word."""
    found, _ = site.get_model_admin(Report).search(None, Report.objects.all(), "buy")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = found.explain()
    assert "report_words" in plan and "Seq Scan" not in plan


def test_a_report_that_is_not_the_newest_has_its_page_all_the_same(desk, queue):
    first = Report.objects.earliest("pk")
    assert first not in queue and desk.get(page_of(first)).status_code == 200


def test_its_page_shows_the_words_the_reports_and_the_form(desk, queue):
    page = desk.get(page_of(queue[0])).content.decode()
    assert "Buy &lt;b&gt;now&lt;/b&gt;" in page and "data-decide" in page
    assert page.count("<strong>Spam</strong>") == 1 and page.count("<strong>Abuse or hate</strong>") == 1
    assert "3 waiting" in page


@pytest.mark.parametrize(
    ("name", "status", "state"), [("hide_reported", "hidden", "upheld"), ("dismiss_reports", "shown", "dismissed")]
)
def test_settling_one_leads_to_the_next_until_none_is_left(desk, queue, name, status, state):
    for report, there in zip(queue, [*queue[1:], None], strict=True):
        page = press(desk, report, name, reason="Because")
        assert page.redirect_chain[0][0] == (page_of(there) if there else LIST)
        report.refresh_from_db()
        assert (report.said.status, report.state) == (status, state)
    assert "Nothing more is waiting" in said(page)
    assert Decision.objects.count() == 3 and LogEntry.objects.count() == 3
    assert "data-decide" not in desk.get(page_of(queue[0])).content.decode()


def test_without_a_reason_nothing_is_settled_and_the_page_stays(desk, queue):
    page = press(desk, queue[0], "hide_reported", reason=" ")
    assert page.redirect_chain[0][0] == page_of(queue[0]) and "Write something" in said(page)
    assert not Decision.objects.exists()


def test_who_is_late_is_told_so(desk, queue, boss):
    moderation.hide(said=queue[0].said, by=boss, reason="First")
    page = press(desk, queue[0], "hide_reported", reason="Second")
    assert "hidden already" in said(page)
    assert "faster" in said(press(desk, queue[0], "dismiss_reports", reason="Second"))
    assert Decision.objects.get().by == boss


def test_many_are_settled_with_one_reason(desk, queue):
    chosen = {"action": "dismiss_chosen", "_selected_action": [row.pk for row in queue], "index": "0"}
    asked = desk.post(LIST, chosen)
    assert b'name="reason"' in asked.content and not Decision.objects.exists()
    page = desk.post(LIST, {**chosen, "reason": "Within the rules"}, follow=True)
    assert "Dismiss: 3 done, 0 refused." in said(page)
    assert set(Decision.objects.values_list("did", "reason")) == {("dismissed", "Within the rules")}
    assert not moderation.queue(Decision.objects.first().by).exists()


def test_words_that_were_taken_back_are_dismissed_and_not_hidden(desk, queue):
    Post.machine.move(queue[1].said, "removed")
    page = desk.get(page_of(queue[1])).content.decode()
    assert "dismiss-reports" in page and "hide-reported" not in page
