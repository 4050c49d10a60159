"""Counts are right at every moment, whoever writes at once and through whichever door (performance row 11)."""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection, transaction

from apps.social import actions, comments, counts, likes
from apps.social.models import Comment, Like, Post, Tally
from tests.lib.threads import side_by_side
from tests.make import make_comment, make_post, make_user

pytestmark = pytest.mark.django_db


def told() -> list[tuple[int, int]]:
    return [tuple(counts.of(post)) for post in Post.objects.order_by("pk")]


def true() -> list[tuple[int, int]]:
    return [
        (Like.objects.filter(post=post).count(), Comment.objects.filter(post=post, status="shown").count())
        for post in Post.objects.order_by("pk")
    ]


def test_likes_count_once_each(ana, bob):
    post = make_post(ana)
    for person in (ana, bob, bob):
        likes.like(post=post, by=person)
    assert counts.of(post) == (2, 0)
    for person in (bob, bob):
        likes.unlike(post=post, by=person)
    assert counts.of(post) == (1, 0)


def test_only_shown_comments_count(ana, bob):
    post = make_post(ana)
    first, second = make_comment(post, bob), make_comment(post, bob)
    Comment.machine.move(first, "hidden")
    comments.remove(comment=second)
    assert counts.of(post) == (0, 0)
    Comment.machine.move(first, "shown")
    comments.edit(comment=first, by=bob, content="other words")
    assert counts.of(post) == (0, 1)


def test_rows_that_come_and_go_by_the_hundred_count_as_well(ana):
    """An import, a person who leaves: no door is forgotten."""
    posts = [make_post(ana), make_post(ana)]
    people = [make_user() for _ in range(3)]
    Like.objects.bulk_create([Like(post=post, user=user) for post in posts for user in people])
    Comment.objects.bulk_create([Comment(post=posts[0], author=user, content="x") for user in people])
    assert told() == true() == [(3, 3), (3, 0)]
    Like.objects.filter(user=people[0]).delete()
    Comment.machine.move_all(Comment.objects.filter(author=people[0]), "removed")
    Comment.objects.filter(author=people[1]).delete()
    assert told() == true() == [(2, 1), (2, 0)]


def test_words_change_no_count_and_touch_no_post(ana, bob):
    post = make_post(ana)
    comment = make_comment(post, bob)

    def version() -> list:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid FROM social_post")
            return cursor.fetchall()

    before = version()
    comments.edit(comment=comment, by=bob, content="other words")
    assert version() == before


def test_what_waits_is_told_and_folded(ana, bob):
    post = make_post(ana)
    likes.like(post=post, by=bob)
    Tally.objects.create(post=post, likes=5, comments=2)
    Tally.objects.create(post=post, likes=-1, comments=0)
    assert counts.of(post) == (5, 2)
    assert counts.fold() == 1 and counts.fold() == 0
    post.refresh_from_db()
    assert (post.like_count, post.comment_count) == (5, 2) == counts.of(post) and not Tally.objects.exists()


def test_counting_anew_mends_whatever_was_wrong(ana, bob):
    post = make_post(ana)
    likes.like(post=post, by=bob)
    Tally.objects.create(post=post, likes=5, comments=2)
    Post.objects.update(comment_count=7)
    counts.recount([post.pk])
    assert counts.of(post) == (1, 0)


def test_what_was_there_before_the_database_counted_is_counted(ana, bob):
    """Migration 0007; twice does no harm."""
    post = make_post(ana)
    likes.like(post=post, by=bob)
    make_comment(post, bob)
    Post.objects.update(like_count=0, comment_count=0)
    for _ in range(2):
        import_module("apps.social.migrations.0007_counted").fill(apps, None)
        assert counts.of(post) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_like_waits_for_nobody(ana, bob):
    """Somebody holds the post: the like is there at once, and counted."""
    post = make_post(ana)
    with transaction.atomic():
        Post.objects.select_for_update(no_key=True).get(pk=post.pk)
        [failure] = side_by_side(lambda: impatient(lambda: likes.like(post=post, by=bob)))
        assert failure is None
    assert Tally.objects.count() == 1 and counts.of(post) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_a_hot_post_has_a_line_for_every_connection_and_its_own_row_rests(ana, bob):
    post, people = make_post(ana), [make_user() for _ in range(4)]
    Tally.objects.create(post=post, likes=0, comments=0)  # of some connection
    for _ in range(2):
        assert side_by_side(*(partial(likes.like, post=post, by=person) for person in people)) == [None] * 4
        likes.like(post=post, by=bob)
        likes.unlike(post=post, by=bob)
    post.refresh_from_db()
    assert post.like_count == 0 and counts.of(post) == (4, 0)
    backends = list(Tally.objects.values_list("backend", flat=True))
    assert len(set(backends)) == len(backends)
    counts.fold()
    post.refresh_from_db()
    assert post.like_count == 4 and not Tally.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_folding_passes_over_a_post_in_somebodys_hands(ana, bob):
    """They may be waiting for another one, which folding holds."""
    held, free = make_post(ana), make_post(ana)
    for post in (held, free):
        Tally.objects.create(post=post, likes=1, comments=0)
    with transaction.atomic():
        Post.objects.select_for_update(no_key=True).get(pk=held.pk)
        assert side_by_side(lambda: impatient(counts.fold)) == [None]
    assert [line.post for line in Tally.objects.all()] == [held]


def impatient(work) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
    work()


@pytest.mark.django_db(transaction=True)
def test_a_like_that_is_counted_apart_may_be_taken_back(ana, bob):
    """Its line is in somebody's hands, and the post's own count is 0."""
    post = make_post(ana)
    likes.like(post=post, by=bob)
    Post.objects.update(like_count=0)
    line = Tally.objects.create(post=post, likes=1, comments=0)
    with transaction.atomic():
        Tally.objects.select_for_update().get(pk=line.pk)
        assert side_by_side(lambda: likes.unlike(post=post, by=bob)) == [None]
    assert counts.of(post) == (0, 0) and Tally.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_counting_anew_waits_for_a_like_at_work_and_sees_it(ana, bob):
    """What it counts before it holds the row would be written over what came meanwhile."""
    post = make_post(ana)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            likes.like(post=post, by=bob)
            counting = pool.submit(side_by_side, lambda: counts.recount([post.pk]))
            while not waiting():
                assert not counting.done()
        assert counting.result() == [None]
    assert counts.of(post) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_counting_anew_loses_nothing_of_a_line_that_somebody_adds_to(ana, bob):
    """The line would go with what they added, which the count did not see yet."""
    post = make_post(ana)
    likes.like(post=post, by=make_user())
    Post.objects.update(like_count=0)
    Tally.objects.create(post=post, likes=1, comments=0)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            likes.like(post=post, by=bob)
            counting = pool.submit(side_by_side, lambda: counts.recount([post.pk]))
            while not waiting():
                assert not counting.done()
        assert counting.result() == [None]
    assert counts.of(post) == (2, 0)


@pytest.mark.django_db(transaction=True)
def test_folding_waits_for_no_line_that_somebody_adds_to(ana, bob):
    """Whoever leaves holds the lines of what they liked, and then wants their posts, which folding holds."""
    mine, theirs = make_post(bob), make_post(ana)
    likes.like(post=theirs, by=bob)
    for post in (mine, theirs):
        Tally.objects.create(post=post, likes=1, comments=0)
    with transaction.atomic():
        Like.objects.filter(user=bob).delete()
        assert side_by_side(lambda: impatient(counts.fold)) == [None]
        Post.objects.filter(author=bob).update(content="")
    assert (counts.of(mine), counts.of(theirs)) == ((1, 0), (1, 0))


@pytest.mark.django_db(transaction=True)
def test_folding_leaves_what_would_make_less_than_nothing(ana):
    """The line with the like itself is in somebody's hands."""
    post = make_post(ana)
    held, _ = [Tally.objects.create(post=post, likes=n, comments=0) for n in (1, -1)]
    with transaction.atomic():
        Tally.objects.select_for_update().get(pk=held.pk)
        assert side_by_side(lambda: impatient(counts.fold)) == [None]
        assert Tally.objects.count() == 2
    assert counts.fold() == 1 and not Tally.objects.exists() and counts.of(post) == (0, 0)


def waiting() -> bool:
    """Whether anybody waits for us."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return bool(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_thirty_at_once_drift_by_nothing(ana):
    """Likes taken back and given again, comments, removals and folding, all on two posts."""
    posts, people = [make_post(ana), make_post(ana)], [make_user() for _ in range(26)]

    def busy(user, draw: random.Random):
        acts = (
            lambda post: likes.like(post=post, by=user),
            lambda post: likes.unlike(post=post, by=user),
            lambda post: make_comment(post, user),
            lambda post: comments.remove(comment=make_comment(post, user)),
        )
        for _ in range(12):
            draw.choice(acts)(draw.choice(posts))

    def fold():
        for _ in range(15):
            counts.fold()

    outcomes = side_by_side(*(partial(busy, user, random.Random(n)) for n, user in enumerate(people)), *[fold] * 4)
    assert [failure for failure in outcomes if failure is not None] == []
    assert told() == true()
    while counts.fold():
        pass
    columns = list(Post.objects.order_by("pk").values_list("like_count", "comment_count"))
    assert columns == true() and sum(itertools.chain(*columns)) > 0


def test_a_removed_post_keeps_its_likes_and_comments(ana, bob):
    post = make_post(ana)
    likes.like(post=post, by=bob)
    make_comment(post, bob)
    actions.remove(post=post)
    assert Like.objects.count() == Comment.objects.count() == 1
