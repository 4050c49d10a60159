"""Reports and decisions: each once, each with a reason, and what goes with them in one step."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.accounts.models import Notice
from apps.lib.errors import Refusal
from apps.social import actions, comments, counts, moderation
from apps.social.models import Comment, Decision, Post, Report
from tests.make import make_comment, make_post, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["post", "comment"])
def said(request, ana, bob):
    """Something of Ana's, reported by Bob."""
    post = make_post(ana, "Buy now")
    row = post if request.param == "post" else make_comment(post, ana, "Buy now")
    moderation.report(said=row, by=bob, reason="spam", details="again and again")
    return row


def code(act, **facts) -> str:
    with pytest.raises(Refusal) as refused:
        act(**facts)
    return refused.value.code


def states() -> list[str]:
    return sorted(Report.objects.values_list("state", flat=True))


def test_a_report_said_again_is_the_first_one(said, bob):
    first = Report.objects.get()
    again = moderation.report(said=said, by=bob, reason="abuse", details="other words")
    assert again == first and Report.objects.get().reason == "spam"


def test_a_settled_report_opens_again_only_for_other_words(said, ana, bob, mod):
    moderation.dismiss(said=said, by=mod, reason="Within the rules")
    assert moderation.report(said=said, by=bob, reason="abuse").state == "dismissed"
    act, name = (actions.edit, "post") if isinstance(said, Post) else (comments.edit, "comment")
    act(**{name: said}, by=ana, content="Worse words")
    assert moderation.report(said=said, by=bob, reason="abuse", details="look").state == "open"
    assert [(row.reason, row.details) for row in Report.objects.all()] == [("abuse", "look")]
    moderation.dismiss(said=said, by=mod, reason="Within the rules still")
    assert moderation.report(said=said, by=bob, reason="spam").state == "dismissed"


def test_nobody_reports_their_own_words(said, ana):
    assert code(moderation.report, said=said, by=ana, reason="spam") == "OWN_WORDS"


@pytest.mark.parametrize(
    ("facts", "field"),
    [({"reason": "taste"}, "reason"), ({"details": "x" * 1001}, "details"), ({"details": "\x00"}, "details")],
)
def test_a_report_that_says_nothing_known_is_refused(ana, bob, facts, field):
    with pytest.raises(Refusal) as refused:
        moderation.report(said=make_post(ana), by=bob, **{"reason": "spam", **facts})
    assert (refused.value.code, list(refused.value.fields)) == ("INVALID", [field])
    assert not Report.objects.exists()


def test_one_person_fills_no_queue(ana, bob, mod, monkeypatch):
    monkeypatch.setattr(moderation, "MOST_OPEN", 2)
    for _ in range(2):
        moderation.report(said=make_post(ana), by=bob, reason="spam")
    third = make_post(ana)
    assert code(moderation.report, said=third, by=bob, reason="spam") == "TOO_MANY_REPORTS"
    moderation.dismiss(said=Post.objects.earliest("pk"), by=mod, reason="Fine")
    assert moderation.report(said=third, by=bob, reason="spam").state == "open"


def test_what_is_hidden_is_not_reported_any_more(said, mod):
    moderation.hide(said=said, by=mod, reason="Spam")
    assert code(moderation.report, said=said, by=make_user(), reason="spam") == "CONFLICT"


def test_hiding_says_its_reports_were_right_and_restoring_keeps_that(said, mod):
    moderation.report(said=said, by=make_user(), reason="abuse")
    moderation.hide(said=said, by=mod, reason="Spam")
    assert states() == ["upheld", "upheld"]
    moderation.restore(said=said, by=mod, reason="It was none")
    assert states() == ["upheld", "upheld"]
    assert list(Decision.objects.order_by("pk").values_list("did", "by", "reason")) == [
        ("hid", mod.pk, "Spam"),
        ("restored", mod.pk, "It was none"),
    ]


def test_dismissing_settles_every_report_of_one_thing_and_of_no_other(said, ana, bob, mod):
    moderation.report(said=said, by=make_user(), reason="abuse")
    moderation.report(said=make_post(ana), by=bob, reason="abuse")
    moderation.dismiss(said=said, by=mod, reason="Within the rules")
    assert states() == ["dismissed", "dismissed", "open"]
    said.refresh_from_db()
    assert said.status == "shown" and Decision.objects.get().did == "dismissed"


@pytest.mark.parametrize(
    ("first", "second"),
    [("hide", "hide"), ("restore", "restore"), ("dismiss", "dismiss"), ("hide", "dismiss")],
)
def test_who_is_late_is_told_so(said, mod, boss, first, second):
    if first == "restore":
        moderation.hide(said=said, by=boss, reason="Spam")
    getattr(moderation, first)(said=said, by=mod, reason="One")
    before = Decision.objects.count()
    assert code(getattr(moderation, second), said=said, by=boss, reason="Two") == "CONFLICT"
    assert Decision.objects.count() == before


@pytest.mark.parametrize("act", ["hide", "restore"])
def test_what_was_taken_back_is_not_decided_on(said, mod, act):
    type(said).machine.move(said, "removed")
    with pytest.raises(Refusal, match="taken back"):
        getattr(moderation, act)(said=said, by=mod, reason="Spam")
    moderation.dismiss(said=said, by=mod, reason="It is gone")
    assert states() == ["dismissed"]


@pytest.mark.parametrize("act", ["hide", "restore", "dismiss"])
@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "\ud800"])
def test_no_decision_is_without_a_reason(said, mod, act, reason):
    if act == "restore":
        type(said).machine.move(said, "hidden")
    assert code(getattr(moderation, act), said=said, by=mod, reason=reason) == "INVALID"
    assert states() == ["open"] and not Decision.objects.exists()


def test_counts_are_right_as_soon_as_a_comment_is_hidden_and_shown_again(ana, bob, mod):
    post = make_post(ana)
    comment = make_comment(post, bob)
    make_comment(post, bob)
    moderation.hide(said=comment, by=mod, reason="Spam")
    assert counts.of(post).comments == 1
    moderation.restore(said=comment, by=mod, reason="None")
    assert counts.of(post).comments == 2


def test_the_author_is_told_of_every_decision_with_its_reason_and_never_who_reported(said, ana, bob, mod):
    for act in (moderation.hide, moderation.restore, moderation.hide):
        act(said=said, by=mod, reason=f"Because of {act.__name__}")
    told = list(Notice.objects.filter(user=ana).order_by("pk").values_list("kind", "message", "link"))
    assert [kind for kind, _, _ in told] == ["social.hidden", "social.restored", "social.hidden"]
    assert "Because of restore" in told[1][1] and "“Buy now” was hidden" in told[0][1]
    assert {link for _, _, link in told} == {moderation.page_of(said)}
    everything = str(list(Notice.objects.filter(user=ana).values()))
    assert "bob" not in everything and str(bob.pk) not in everything and str(mod.pk) not in everything
    assert not Notice.objects.exclude(user=ana).exists()


def test_what_came_to_nothing_is_not_told(said, ana, mod):
    moderation.dismiss(said=said, by=mod, reason="Within the rules")
    assert not Notice.objects.filter(user=ana).exists()


def test_the_queue_has_one_row_for_each_thing(ana, bob, mod):
    post, other = make_post(ana), make_post(ana)
    comment = make_comment(post, ana)
    for row in (post, comment, post, other):
        moderation.report(said=row, by=make_user(), reason="spam")
    newest = {moderation.about(row).latest("pk").pk for row in (post, comment, other)}
    assert {row.pk for row in moderation.queue(mod)} == newest
    moderation.hide(said=post, by=mod, reason="Spam")
    assert {row.said for row in moderation.queue(mod)} == {comment, other}
    assert not moderation.queue(ana).exists()


def test_the_reason_of_the_last_hiding_is_told_of_what_is_hidden(ana, mod, django_assert_num_queries):
    post, shown = make_post(ana), make_post(ana)
    moderation.hide(said=post, by=mod, reason="First")
    moderation.restore(said=post, by=mod, reason="None")
    moderation.hide(said=post, by=mod, reason="Second")
    rows = [Post.objects.get(pk=pk) for pk in (post.pk, shown.pk)]
    assert moderation.reasons(rows) == {post.pk: "Second"}
    with django_assert_num_queries(0):
        assert moderation.reasons([shown]) == {}


@pytest.mark.django_db(transaction=True)
def test_of_many_moderators_at_once_one_decides_and_the_others_are_told(ana, bob):
    """Hiding, dismissing and reporting at the same moment: one decision, and no report is left open by it."""
    post, moderators = make_post(ana), [make_user(roles=["moderator"]) for _ in range(6)]
    reporters = [make_user() for _ in range(6)]
    moderation.report(said=post, by=bob, reason="spam")
    gate = threading.Barrier(12)

    def run(act, **facts) -> str:
        try:
            gate.wait()
            act(said=Post(pk=post.pk, author_id=ana.pk), **facts)
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    acts = [(moderation.hide, {"by": person, "reason": "Spam"}) for person in moderators]
    reports = [(moderation.report, {"by": person, "reason": "abuse"}) for person in reporters]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda one: run(one[0], **one[1]), acts + reports))
    assert sorted(answers[:6]) == ["CONFLICT"] * 5 + ["done"]
    assert Decision.objects.count() == Notice.objects.filter(user=ana).count() == 1
    assert set(states()) == {"upheld"} and len(states()) == 1 + answers[6:].count("done")


def test_a_comment_below_a_hidden_post_keeps_its_own_state(ana, bob, mod):
    post = make_post(ana)
    comment = make_comment(post, bob)
    moderation.hide(said=post, by=mod, reason="Spam")
    assert Comment.objects.get(pk=comment.pk).status == "shown"
    assert not Notice.objects.filter(user=bob).exists()
