"""Likes: one of a person for a post."""

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.social import likes
from apps.social.models import Like
from tests.lib.threads import side_by_side
from tests.make import make_post

pytestmark = pytest.mark.django_db


def test_a_like_is_one_however_often_it_is_said(ana, bob):
    post = make_post(ana)
    for _ in range(2):
        likes.like(post=post, by=bob)
    assert Like.objects.count() == 1 and likes.likes(post, bob)
    for _ in range(2):
        likes.unlike(post=post, by=bob)
    assert not likes.likes(post, bob)


def test_nobody_likes_for_another_one(ana, bob):
    post = make_post(ana)
    likes.like(post=post, by=bob)
    likes.unlike(post=post, by=ana)
    assert likes.likes(post, bob) and not likes.likes(post, ana) and not likes.likes(post, AnonymousUser())


@pytest.mark.django_db(transaction=True)
def test_the_same_like_twenty_times_at_once_is_one(ana, bob):
    post = make_post(ana)
    outcomes = side_by_side(*[lambda: likes.like(post=post, by=bob)] * 20)
    post.refresh_from_db()
    assert outcomes == [None] * 20 and Like.objects.count() == 1 == post.like_count
