"""Reports and decisions through the door."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.social import moderation
from apps.social.models import Comment, Decision, Post, Report
from tests.make import make_comment, make_key, make_post, make_user

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture(params=["posts", "comments"])
def place(request, ana):
    """The address of something of Ana's."""
    post = make_post(ana, "Buy now")
    row = post if request.param == "posts" else make_comment(post, ana, "Buy now")
    return f"{API}/{request.param}/{row.pk}"


def test_a_report_said_twice_is_one_with_one_answer(as_, bob, place):
    told = [as_(bob).post(f"{place}/report", {"reason": "spam", "details": "x"}, format="json") for _ in range(2)]
    assert [answer.status_code for answer in told] == [201, 201]
    assert told[0].json() == told[1].json() and told[0].json()["state"] == "open"
    assert Report.objects.get().by == bob


@pytest.mark.parametrize(
    "body", [{}, {"reason": "taste"}, {"reason": "spam", "details": "x" * 1001}, {"reason": None}, {"reason": ["spam"]}]
)
def test_a_report_without_a_known_reason_is_refused(as_, bob, place, body):
    answer = as_(bob).post(f"{place}/report", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert not Report.objects.exists()


def test_ones_own_words_are_not_reported(as_, ana, place):
    answer = as_(ana).post(f"{place}/report", {"reason": "spam"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "OWN_WORDS")


def test_moderators_hide_and_restore_and_everybody_sees_the_difference_at_once(as_, bob, mod, place):
    thread = f"{API}/posts/{Post.objects.get().pk}/comments"

    def seen() -> tuple:
        feed = as_(bob).get(f"{API}/feed").json()["results"]
        below = as_(bob).get(thread)
        return [row["comment_count"] for row in feed], below.status_code, len(below.json().get("results", []))

    before = seen()
    hidden = as_(mod).post(f"{place}/hide", {"reason": "Spam"}, format="json")
    assert (hidden.status_code, hidden.json()["status"]) == (200, "hidden")
    assert seen() == (([], 404, 0) if Comment.objects.count() == 0 else ([0], 200, 0))
    late = as_(mod).post(f"{place}/hide", {"reason": "Spam"}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "CONFLICT")
    restored = as_(mod).post(f"{place}/restore", {"reason": "None"}, format="json")
    assert (restored.status_code, restored.json()["status"]) == (200, "shown")
    assert seen() == before


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "x" * 501}, {"reason": None}])
@pytest.mark.parametrize("verb", ["hide", "restore"])
def test_no_decision_is_without_a_reason(as_, mod, place, verb, body):
    answer = as_(mod).post(f"{place}/{verb}", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert not Decision.objects.exists()


def test_a_key_moderates_with_the_scope_admin_alone(as_, mod, place):
    client = as_(None)
    for scope, status in (("write", 403), ("admin", 200)):
        header = {"Authorization": f"Bearer {make_key(mod, scope)}"}
        assert client.post(f"{place}/hide", {"reason": "x"}, format="json", headers=header).status_code == status


def test_the_list_tells_what_was_reported_by_whom_and_what_became_of_it(as_, ana, bob, mod):
    post, comment = make_post(ana, "One"), make_comment(make_post(bob), ana, "Two")
    for row in (post, comment):
        moderation.report(said=row, by=bob if row is post else mod, reason="abuse", details="look")
    told = as_(mod).get(f"{API}/moderation/reports").json()["results"]
    assert [(row["content"], row["author"], row["by"], row["status"]) for row in told] == [
        ("Two", "ana", "mod", "shown"),
        ("One", "ana", "bob", "shown"),
    ]
    assert [(row["post_id"], row["comment_id"]) for row in told] == [(None, str(comment.pk)), (str(post.pk), None)]
    as_(mod).post(f"{API}/moderation/reports/{told[1]['id']}/dismiss", {"reason": "Fine"}, format="json")

    def states(query: str) -> list[str]:
        return [row["state"] for row in as_(mod).get(f"{API}/moderation/reports{query}").json()["results"]]

    assert [states(query) for query in ("", "?state=dismissed", "?state=all", "?state=upheld")] == [
        ["open"], ["dismissed"], ["open", "dismissed"], [],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "code"), [("state=x", "INVALID"), ("by=bob", "UNKNOWN_FILTER"), ("limit=0", "INVALID")]
)
def test_the_list_takes_no_other_words(as_, mod, query, code):
    answer = as_(mod).get(f"{API}/moderation/reports?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_dismissing_twice_is_a_conflict_that_says_so(as_, ana, bob, mod, boss):
    report = moderation.report(said=make_post(ana), by=bob, reason="spam")
    first, second = (
        as_(person).post(f"{API}/moderation/reports/{report.pk}/dismiss", {"reason": "Fine"}, format="json")
        for person in (mod, boss)
    )
    assert (first.status_code, first.json()["state"]) == (200, "dismissed")
    assert second.status_code == 409 and "faster" in second.json()["detail"]


def test_the_list_costs_the_same_for_one_report_and_for_twenty(as_, ana, mod):
    costs = []
    for rows in (1, 19):
        for _ in range(rows):
            post = make_post(ana)
            moderation.report(said=post, by=make_user(), reason="spam")
            moderation.report(said=make_comment(post, make_user()), by=ana, reason="spam")
        client = as_(mod)
        client.get(f"{API}/moderation/reports")
        with CaptureQueriesContext(connection) as spent:
            client.get(f"{API}/moderation/reports")
        costs.append(len(spent))
    assert costs[0] == costs[1] <= 10
