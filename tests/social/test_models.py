"""Walls of the database around what people say."""

import pytest
from django.db import IntegrityError, transaction

from apps.social.models import Comment, Like, Post
from tests.make import make_comment, make_post, make_track

pytestmark = pytest.mark.django_db


def refused(work) -> bool:
    try:
        with transaction.atomic():
            work()
    except IntegrityError:
        return True
    return False


def test_a_text_post_has_no_track_and_there_is_no_third_kind(ana):
    """S0-08."""
    track = make_track(ana)
    assert refused(lambda: Post.objects.create(author=ana, post_type="text", content="x", track=track))
    assert refused(lambda: Post.objects.create(author=ana, post_type="video", content="x"))


def test_what_stands_there_without_author_is_removed_and_says_nothing(ana):
    post = make_post(ana, "words")
    assert refused(lambda: Post.objects.filter(pk=post.pk).update(author=None))
    Post.machine.move(post, "removed")
    assert refused(lambda: Post.objects.filter(pk=post.pk).update(author=None))
    assert not refused(lambda: Post.objects.filter(pk=post.pk).update(author=None, content=""))


def test_a_count_never_falls_below_zero(ana):
    make_post(ana)
    for name in ("like_count", "comment_count"):
        assert refused(lambda name=name: Post.objects.update(**{name: -1}))


def test_a_like_is_there_once_and_an_answer_stands_below_something(ana, bob):
    post = make_post(ana)
    Like.objects.create(post=post, user=bob)
    assert refused(lambda: Like.objects.create(post=post, user=bob))
    comment = make_comment(post, bob)
    assert refused(lambda: Comment.objects.filter(pk=comment.pk).update(depth=1))
    assert refused(lambda: Comment.objects.filter(pk=comment.pk).update(parent=comment, depth=1))


def test_rows_are_told_by_their_words(ana, bob):
    post = make_post(ana, "x" * 100)
    assert str(post) == "x" * 60 and str(make_comment(post, bob, "Nice")) == "Nice"
    assert str(make_post(ana, "", track=make_track(ana))).startswith("audio post")
