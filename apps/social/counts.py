"""How many likes and shown comments a post has: kept by triggers (migration 0006), told exactly at any moment.

A count is the post's own column and what stands in its lines of the tally, read in one snapshot. The tally is folded
into the columns every minute.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.social.models import Post, Tally

AT_ONCE = 1_000

# Joined beside social_post, for `likes` and `comments`.
BESIDE = """LEFT JOIN LATERAL (SELECT sum(likes) AS likes, sum(comments) AS comments
    FROM social_tally WHERE post_id = social_post.id) AS tally ON true"""
LIKES = "social_post.like_count + coalesce(tally.likes, 0)"
COMMENTS = "social_post.comment_count + coalesce(tally.comments, 0)"

# Before the posts, as everybody does who writes a line and then a post: nobody waits in a circle.
_FIRST = "LOCK TABLE social_tally IN %s MODE"
_HELD = "SELECT id FROM social_post WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
# A post or a line in somebody's hands is left for the next time: they may be waiting for another one. So are those of a
# post whose count would fall below zero without it. What belongs to no post any more goes.
_FREE = """SELECT id FROM social_tally AS line WHERE post_id = ANY(%s)
    OR post_id = ANY(%s) AND NOT EXISTS (SELECT FROM social_post WHERE id = line.post_id) FOR UPDATE SKIP LOCKED"""
_FOLD = """
WITH sums AS (SELECT post_id, sum(likes) AS likes, sum(comments) AS comments
        FROM social_tally WHERE id = ANY(%s) GROUP BY post_id),
    folded AS (
        UPDATE social_post SET like_count = like_count + sums.likes, comment_count = comment_count + sums.comments
        FROM sums WHERE id = sums.post_id AND like_count + sums.likes >= 0 AND comment_count + sums.comments >= 0
        RETURNING id)
DELETE FROM social_tally AS line WHERE id = ANY(%s)
    AND (post_id IN (SELECT id FROM folded) OR NOT EXISTS (SELECT FROM social_post WHERE id = line.post_id))
"""
_RECOUNT = """
WITH gone AS (DELETE FROM social_tally WHERE post_id = ANY(%s)),
    found AS (
        SELECT id, (SELECT count(*) FROM social_like WHERE post_id = asked.id) AS likes,
            (SELECT count(*) FROM social_comment WHERE post_id = asked.id AND status = 'shown') AS comments
        FROM unnest(%s) AS asked(id))
UPDATE social_post SET like_count = found.likes, comment_count = found.comments
FROM found WHERE social_post.id = found.id
"""


class Counts(NamedTuple):
    likes: int
    comments: int


def with_counts(posts: QuerySet[Post]) -> QuerySet[Post]:
    """Adds `likes_now` and `comments_now`."""
    waiting = Tally.objects.filter(post=OuterRef("pk")).order_by().values("post")

    def added(name: str) -> Coalesce:
        return Coalesce(Subquery(waiting.annotate(n=Sum(name)).values("n")), 0, output_field=IntegerField())

    return posts.annotate(
        likes_now=F("like_count") + added("likes"), comments_now=F("comment_count") + added("comments")
    )


def of(post: Post) -> Counts:
    """A post's counts at this moment."""
    return Counts(*with_counts(Post.objects.filter(pk=post.pk)).values_list("likes_now", "comments_now").get())


def fold() -> int:
    """Bring the tally into the posts' own columns, some posts; returns how many. Twice at once does no harm."""
    waiting = Tally.objects.order_by().values_list("post", flat=True).distinct()
    posts = list(waiting[:AT_ONCE])
    if posts:
        with _holding(posts, "ROW EXCLUSIVE", " SKIP LOCKED") as (cursor, held):
            cursor.execute(_FREE, [held, posts])
            free = [pk for (pk,) in cursor.fetchall()]
            cursor.execute(_FOLD, [free, free])
    return len(posts)


def recount(posts: Sequence[UUID]) -> None:
    """Count anew from the likes and comments themselves. Who likes or comments meanwhile waits: a line that they add to
    would go with the others, and what they added not be seen yet.
    """
    with _holding(posts, "SHARE ROW EXCLUSIVE") as (cursor, _):
        cursor.execute(_RECOUNT, [list(posts)] * 2)


@contextmanager
def _holding(posts: Sequence[UUID], mode: str, others: str = "") -> Iterator[tuple[CursorWrapper, list[UUID]]]:
    """With the posts that are held; they are first: a statement behind that sees everything added to them by then."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FIRST % mode)
        cursor.execute(_HELD + others, [list(posts)])
        yield cursor, [pk for (pk,) in cursor.fetchall()]
