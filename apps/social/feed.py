"""Which posts stand on a page: newest first by (created_at, id), in keyset pages whose depth costs nothing (S0-24)."""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from apps.accounts import profiles
from apps.catalog.keyset import Order, Place, Reader, Stretch, moment, stretches
from apps.catalog.models import Track
from apps.lib.again import Again
from apps.lib.errors import Refusal
from apps.social.models import Comment, Follow, Post

NEWEST = Order("-created", "created_at", moment)
OLDEST = Order("created", "created_at", moment)
# The newest posts of each one, laid together.
OF_EACH = """SELECT found.worth, found.id FROM ({followed}) AS followed (id)
CROSS JOIN LATERAL ({theirs}) AS found (id, worth)
ORDER BY found.worth {way}, found.id {way} LIMIT {most}"""


@dataclass(frozen=True)
class Everyones(Reader):
    """What everybody reads: asked for more often than anything else, so its statements are put together once."""

    def _some(self, stretch: Stretch, back: bool, start: Place | None, most: int) -> list[tuple]:
        ask = _newest(self.order.descending != back, start is not None, most)
        return ask(start.value, start.id) if start else ask()


@lru_cache(maxsize=1000)
def _newest(down: bool, placed: bool, most: int) -> Again:
    """(created_at, id) of the first of all, or of those after a place, which it is asked with."""
    reader = newest(Post.objects.shown())

    def rows(*place) -> QuerySet[Post]:
        beyond = [reader._beyond(Place(0, *place), reader.stretches[0], down)] if place else []
        found = reader.rows.filter(*beyond).order_by(*reader._sort(down))
        return found.values_list("created_at", "id")[:most]

    return Again(rows, *((dt.datetime(2000, 1, 1, tzinfo=dt.UTC), UUID(int=0)) if placed else ()))


@dataclass(frozen=True)
class Following(Reader):
    """Posts of those whom `follower` follows, each one's read from their own index: a page costs by how many they are,
    not by how much they wrote or how long ago.
    """

    follower: UUID | None = None

    def _some(self, stretch: Stretch, back: bool, start: Place | None, most: int) -> list[tuple]:
        down = self.order.descending != back
        theirs = self.rows.filter(author=RawSQL("followed.id", []))
        if start:
            theirs = theirs.filter(self._beyond(start, stretch, down))
        theirs = theirs.order_by(*self._sort(down)).values("id", self.order.column)[:most]
        followed = Follow.objects.filter(follower=self.follower).order_by().values("followed")
        pieces = [each.query.sql_with_params() for each in (followed, theirs)]
        statement = OF_EACH.format(followed=pieces[0][0], theirs=pieces[1][0], way="DESC" if down else "ASC", most=most)
        with connection.cursor() as cursor:
            cursor.execute(statement, [*pieces[0][1], *pieces[1][1]])
            return cursor.fetchall()


def reader(user, *, author: str = "", track: UUID | None = None, following: bool = False) -> Reader:
    """The feed: what everybody reads, of one author, about one track, or of those whom `user` follows.

    Refusals: SIGN_IN_REQUIRED 401 (following whom?), NOT_FOUND 404 (no such person, a track that is not theirs to see).
    """
    rows = Post.objects.shown()
    if author:
        rows = rows.of(profiles.public(author))
    if track:
        rows = rows.filter(track=Track.objects.live().get_visible(user, pk=track))
    if not (author or track or following):
        return Everyones(rows, NEWEST, stretches(NEWEST, None))
    if not following:
        return newest(rows)
    if not user.is_authenticated:
        raise Refusal("SIGN_IN_REQUIRED", "Sign in to read those you follow.", status=401)
    return Following(rows, NEWEST, stretches(NEWEST, None), follower=user.pk)


def newest(rows: QuerySet[Post]) -> Reader:
    return Reader(rows, NEWEST, stretches(NEWEST, None), how="plan")


def oldest(rows: QuerySet[Comment]) -> Reader:
    return Reader(rows, OLDEST, stretches(OLDEST, None), how="plan")
