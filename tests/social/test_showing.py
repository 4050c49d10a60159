"""Posts and comments as rows for templates."""

import pytest

from apps.social import likes, showing
from tests.make import make_comment, make_post, make_track

pytestmark = pytest.mark.django_db


def test_posts_come_in_the_order_asked_with_all_that_is_shown(ana, bob):
    track = make_track(ana, is_public=False)
    first, second = make_post(ana, track=track), make_post(ana)
    likes.like(post=second, by=bob)
    one, other = showing.posts([second.pk, first.pk], bob)
    assert (one.pk, other.pk) == (second.pk, first.pk)
    assert (one.likes_now, one.liked, other.liked, other.heard) == (1, True, False, None)
    assert showing.posts([first.pk], ana)[0].heard == track


def test_a_thread_is_a_forest_in_pages(ana, bob, monkeypatch):
    post = make_post(ana)
    root = make_comment(post, bob, "root")
    make_comment(post, bob, "second")
    make_comment(post, ana, "answer", parent=root)
    monkeypatch.setattr(showing, "PER_THREAD", 2)
    roots, further = showing.thread(post, ana, "")
    assert [(comment.content, comment.answers) for comment in roots] == [("root", []), ("second", [])]
    [late], end = showing.thread(post, ana, further)
    assert late.content == "answer" and late.elsewhere and end == ""
    monkeypatch.setattr(showing, "PER_THREAD", 200)
    [first, _], _ = showing.thread(post, ana, "")
    assert [comment.content for comment in first.answers] == ["answer"] and not first.answers[0].elsewhere
