"""The one shape of a post and of a comment (S0-12): declared here, built by the database, the same at every door.

A post shows its track as `catalog.cards` declares it, to who sees the track; to others there is none (S0-28). Of a
removed one it is said that it was there (C-07).
"""

from collections.abc import Iterable
from uuid import UUID

from apps.accounts import profiles
from apps.accounts.models import User
from apps.catalog import cards
from apps.lib.shape import ID, MOMENT, SWITCH, TEXT, WHOLE, Field, Shape, moment, object_of, or_null, run, within
from apps.social import counts, follows
from apps.social.comments import DEEPEST
from apps.social.models import Post

# Every value of the statement stands here, in this order: ids, those of `tracks`, base, who asks. Of somebody who is
# not signed in the key is null.
ROOT = """unnest(%s::uuid[]) WITH ORDINALITY AS asked(id, place)
JOIN social_post ON social_post.id = asked.id
LEFT JOIN ({tracks}) AS shown ON shown.id = social_post.track_id
CROSS JOIN (SELECT %s::text AS base, %s::uuid AS viewer) AS given"""
# The tracks of these posts, once each.
OF_POSTS = "(SELECT DISTINCT track_id FROM social_post WHERE id = ANY(%s)) AS asked(id)"
SOURCES = {
    "author": cards.person_of("social_post.author_id"),
    "tally": counts.BESIDE,
    "pointed": "LEFT JOIN catalog_track AS pointed ON pointed.id = social_post.track_id",
}
STATES = [*Post.machine.states]  # of comments too
# What a post tells of its track; `?expand=track` tells all of it.
CARD = frozenset({
    "id", "title", "artist", "owner", "is_public", "is_pro_only", "genre", "duration", "duration_ms", "play_count",
    "file_url", "preview_url", "waveform_url", "cover_url", "file_size", "mime_type", "created_at",
})  # fmt: skip
LIKED = "EXISTS (SELECT FROM social_like WHERE post_id = social_post.id AND user_id = given.viewer)"


def _plain(name: str, schema: dict, **options) -> Field:
    return Field(name, f"social_post.{name}", schema, **options)


def _moment(name: str, schema: dict = MOMENT, **options) -> Field:
    return Field(name, moment(f"social_post.{name}"), schema, **options)


def _card_schema() -> dict:
    return object_of({each.name: each.described() for each in cards.SHAPE.chosen(CARD, frozenset())})


FIELDS = (
    _plain("id", ID),
    _plain("post_type", {**TEXT, "enum": Post.Type.values}),
    Field(
        "author",
        lambda: cards.person("social_post.author_id"),
        or_null(cards.PERSON_SCHEMA),
        ("author",),
        help="Null when they have left.",
    ),
    _plain("content", TEXT, help="As it was typed: escape it where you show it."),
    Field("track_id", "shown.id", or_null(ID), help="Null without a track, and where you do not see it."),
    Field("track", "shown.card", or_null(_card_schema()), help="Null where `track_id` is; not with `light=1`."),
    Field("track_removed", "coalesce(pointed.status = 'removed', false)", SWITCH, ("pointed",)),
    Field("like_count", counts.LIKES, WHOLE, ("tally",)),
    Field("comment_count", counts.COMMENTS, WHOLE, ("tally",)),
    Field("liked_by_user", LIKED, SWITCH, help="By who asks."),
    _plain("status", {**TEXT, "enum": STATES}, help="Hidden ones see their author and moderators."),
    _moment("edited_at", or_null(MOMENT)),
    _moment("created_at"),
    _moment("updated_at"),
)
SHAPE = Shape(root=ROOT, sources=SOURCES, fields=FIELDS, expands={})
# S0-25: a feed without its tracks.
LIGHT = SHAPE.names - {"track"}
EXPANDS = frozenset({"track"})


def read(
    ids: Iterable[UUID],
    *,
    viewer,
    base: str,
    fields: frozenset[str] | None = None,
    expand: frozenset[str] = frozenset(),
) -> list[str]:
    """JSON of each post in the order of `ids`, which the caller took from `visible_to(viewer)`. One statement."""
    ids = list(ids)
    wanted = frozenset({"id"}) if fields and "track" not in fields else None if "track" in expand else CARD
    tracks, values = cards.embedded(OF_POSTS, [ids], viewer=viewer, base=base, fields=wanted)
    return run(SHAPE.statement(fields, frozenset(), tracks=tracks), [ids, *values, within(base), viewer.pk])


def whole_schema() -> dict:
    """Of a post with all that is told of its track; asked for when apps above have said what they tell."""
    return object_of({**SHAPE.schema()["properties"], "track": or_null(cards.SHAPE.schema())})


# Values: ids, whose words are shown, base.
_COMMENTS = Shape(
    root="""unnest(%s::uuid[]) WITH ORDINALITY AS asked(id, place)
JOIN social_comment ON social_comment.id = asked.id
CROSS JOIN LATERAL (SELECT social_comment.id = ANY(%s::uuid[]) AS read) AS may
CROSS JOIN (SELECT %s::text AS base) AS given""",
    sources={"author": cards.person_of("social_comment.author_id")},
    fields=(
        Field("id", "social_comment.id", ID),
        Field("post_id", "social_comment.post_id", ID),
        Field("parent_id", "social_comment.parent_id", or_null(ID), help="What it answers; null at the post."),
        Field("depth", "social_comment.depth", WHOLE, help=f"0 at the post, {DEEPEST} at most."),
        Field(
            "author", lambda: f"CASE WHEN may.read THEN {cards.person('social_comment.author_id')} END",
            or_null(cards.PERSON_SCHEMA), ("author",), help="Null where its words are gone.",
        ),
        Field("content", "CASE WHEN may.read THEN social_comment.content ELSE '' END", TEXT),
        Field(
            "removed", "NOT may.read", SWITCH,
            help="Its words are gone or hidden; it keeps its place while there are answers.",
        ),
        Field(
            "status", "CASE WHEN may.read THEN social_comment.status ELSE 'removed' END",
            {**TEXT, "enum": STATES},
        ),
        Field("edited_at", f"CASE WHEN may.read THEN {moment('social_comment.edited_at')} END", or_null(MOMENT)),
        Field("created_at", moment("social_comment.created_at"), MOMENT),
    ),
    expands={},
)  # fmt: skip
comment_schema = _COMMENTS.schema


def comments(ids: Iterable[UUID], *, readable: Iterable[UUID], base: str) -> list[str]:
    """JSON of each comment in the order of `ids`; words only of the `readable` ones."""
    return run(_COMMENTS.statement(None, frozenset()), [list(ids), list(readable), within(base)])


def _posts(person: User) -> int:
    return Post.objects.shown().of(person).count()


profiles.extend_stats("post_count", _posts)
profiles.extend_stats("follower_count", lambda person: follows.around(person).followers)
profiles.extend_stats("following_count", lambda person: follows.around(person).following)
cards.extend_stats(
    "post_count",
    "(SELECT count(*) FROM social_post WHERE track_id = catalog_track.id AND social_post.status = 'shown')",
)
