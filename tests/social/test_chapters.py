"""What somebody said in their export, and what becomes of it when they leave."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts import chapters, departure
from apps.accounts.models import User
from apps.catalog import actions as catalog
from apps.social import comments, counts, follows, likes, moderation
from apps.social.models import Comment, Decision, Follow, Like, Post, Report
from tests.make import make_comment, make_post, make_track, make_user

pytestmark = pytest.mark.django_db


def rows(user, name: str) -> list[dict]:
    [chapter] = (each for each in chapters.CHAPTERS if each.name == name)
    return list(chapter.rows(user))


@pytest.fixture
def said(ana, bob):
    """Ana posts, comments, likes and follows; Bob answers."""
    post, track = make_post(bob, "of Bob's"), make_track(ana)
    own = [make_post(ana, "secret words"), make_post(ana, "", track=track)]
    Post.machine.move(own[0], "hidden")
    answered, lone = make_comment(post, ana, "answered"), make_comment(post, ana, "lone")
    comments.remove(comment=lone)
    make_comment(post, bob, "an answer", parent=answered)
    make_comment(own[1], bob, "below Ana's")
    make_comment(own[1], ana, "own answer", parent=make_comment(own[1], ana, "own"))
    likes.like(post=post, by=ana)
    likes.like(post=own[1], by=bob)
    follows.follow(person=bob, by=ana)
    follows.follow(person=ana, by=bob)
    Report.objects.create(by=ana, post=post, reason="spam", details="my words")
    return post, own


def test_everything_they_said_is_told_also_hidden_and_removed(ana, bob, said):
    assert [(row["content"], row["status"], row["like_count"]) for row in rows(ana, "posts")] == [
        ("secret words", "hidden", 0),
        ("", "shown", 1),
    ]
    assert {row["content"] for row in rows(ana, "comments")} == {"answered", "lone", "own", "own answer"}
    assert [row["post_id"] for row in rows(ana, "likes")] == [said[0].pk]
    assert [row["username"] for row in rows(ana, "follows")] == ["bob"]
    assert [row["details"] for row in rows(ana, "reports")] == ["my words"]
    assert [len(rows(bob, name)) for name in ("posts", "comments", "likes", "follows", "reports")] == [1, 2, 1, 1, 0]


def test_a_post_of_a_track_that_became_hidden_is_told_without_its_id(ana, bob):
    """S0-28."""
    track = make_track(ana)
    make_post(bob, "listen", track=track)
    assert rows(bob, "posts")[0]["track_id"] == track.pk
    catalog.edit(track=track, by=ana, is_public=False)
    assert rows(bob, "posts")[0]["track_id"] is None


def test_who_leaves_takes_their_words_along_and_leaves_others_theirs(ana, bob, mod, said):
    post, own = said
    key = ana.pk
    departure.part(user=ana, tracks="remove")
    assert not User.objects.filter(pk=key).exists()
    for gone in Post.objects.filter(pk__in=[each.pk for each in own]):
        assert (gone.content, gone.status, gone.author) == ("", "removed", None)
    place = Comment.objects.get(author=None)  # the others had no answers of others
    assert (place.content, place.status, place.post) == ("", "removed", post)
    assert set(Comment.objects.filter(author=bob).values_list("content", flat=True)) == {"an answer", "below Ana's"}
    assert not Follow.objects.exists() and list(Like.objects.values_list("user", flat=True)) == [bob.pk]
    assert counts.of(post) == (0, 1)
    assert [(row.by, row.details) for row in Report.objects.all()] == [(None, "")]
    assert [(c.content, c.may_read) for c in comments.thread(post, bob).order_by("pk")] == [
        ("", False),
        ("an answer", True),
    ]


def test_a_departure_with_much_said_asks_no_more_often(ana, mod, bob):
    post, asked = make_post(bob), []
    for person, much in ((mod, 1), (ana, 1), (make_user(), 30)):
        for number in range(much):
            make_post(person, str(number))
            make_comment(post, person)
            likes.like(post=make_post(bob), by=person)
        with CaptureQueriesContext(connection) as made:
            departure.part(user=person, tracks="remove")
        asked.append(len(made))
    assert asked[1] == asked[2]
    assert counts.of(post) == (0, 0)


def test_decisions_are_told_to_the_author_without_who_made_them_or_who_reported(ana, bob, mod):
    post = make_post(ana)
    moderation.report(said=post, by=bob, reason="spam", details="words of Bob's")
    moderation.hide(said=post, by=mod, reason="Spam")
    moderation.restore(said=post, by=mod, reason="None")
    moderation.report(said=make_comment(post, ana), by=bob, reason="spam")
    moderation.dismiss(said=Comment.objects.get(), by=mod, reason="Bob again")
    assert [(row["did"], row["reason"]) for row in rows(ana, "decisions")] == [("hid", "Spam"), ("restored", "None")]
    told = str([list(chapter.rows(ana)) for chapter in chapters.CHAPTERS])
    assert "Bob" not in told and str(bob.pk) not in told and str(mod.pk) not in told
    assert [row["did"] for row in rows(mod, "decided")] == ["hid", "restored", "dismissed"]
    assert not rows(bob, "decisions") and not rows(bob, "decided")


def test_who_leaves_takes_what_was_reported_of_their_words_along_and_decisions_outlive_moderators(ana, bob, mod, boss):
    post, other = make_post(ana), make_post(bob)
    for row in (post, other):
        moderation.report(said=row, by=boss, reason="spam")
        moderation.hide(said=row, by=mod, reason="Spam")
    departure.part(user=ana, tracks="remove")
    departure.part(user=mod, tracks="remove")
    assert [(row.post, row.state) for row in Report.objects.all()] == [(other, "upheld")]
    assert [(row.post, row.by, row.reason) for row in Decision.objects.all()] == [(other, None, "Spam")]
