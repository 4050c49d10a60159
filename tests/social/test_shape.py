"""The one shape of a post: what the database builds equals, field by field, what REST framework would write."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Exists, OuterRef
from django.test.utils import CaptureQueriesContext

from apps.accounts import departure
from apps.accounts.models import Avatar
from apps.catalog import actions as catalog
from apps.catalog import cards
from apps.catalog.models import Track
from apps.social import actions, comments, counts, follows, likes, shape
from apps.social.models import Like, Post, Tally
from tests.catalog.plain import COUNTS
from tests.make import make_comment, make_generated, make_playable, make_post, make_track
from tests.social import plain

pytestmark = pytest.mark.django_db

BASE = "http://testserver"
VIEWERS = ("ana", "bob", "mod", None)


def read(posts, viewer, **asked) -> list[dict]:
    return [json.loads(each) for each in shape.read([p.pk for p in posts], viewer=viewer, base=BASE, **asked)]


def written(rf, posts, viewer, serializer) -> list[dict]:
    liked = Like.objects.filter(post=OuterRef("pk"), user=viewer.pk)
    rows = counts.with_counts(Post.objects.annotate(liked=Exists(liked))).in_bulk([post.pk for post in posts])
    seen = Track.objects.visible_to(viewer).live().with_playable(viewer).with_page().annotate(**COUNTS).in_bulk()
    context = {"request": rf.get("/"), "tracks": seen}
    return json.loads(json.dumps([serializer(rows[p.pk], context=context).data for p in posts], default=str))


def every_kind(ana, bob) -> dict[str, Post]:
    """Posts of every sort that the shape knows a difference for."""
    Avatar.objects.create(user=ana, image=b"x", sha256="a" * 64)
    gone, private = make_track(ana), make_track(ana, is_public=False)
    posts = {
        "text": make_post(ana, 'Ä "quoted" \\ 100% <b> \u2028'),
        "audio": make_post(bob, "", track=make_playable(ana, artist="A'b", genre="Dub", duration_ms=180_500)),
        "generated": make_post(ana, "made", track=make_generated(ana)),
        "pro-only": make_post(ana, "", track=make_playable(ana, is_pro_only=True)),
        "private": make_post(ana, "secret", track=private),
        "removed track": make_post(ana, "was here", track=gone),
        "liked": make_post(ana, "liked"),
        "edited": make_post(ana, "first"),
        "hidden": make_post(ana, "hidden"),
        "removed": make_post(ana, "removed"),
    }
    catalog.remove(track=gone, by=ana)
    for user in (ana, bob):
        likes.like(post=posts["liked"], by=user)
    make_comment(posts["liked"], bob)
    Tally.objects.create(post=posts["liked"], likes=3, comments=2)
    actions.edit(post=posts["edited"], by=ana, content="second")
    Post.machine.move(posts["hidden"], "hidden")
    actions.remove(post=posts["removed"])
    return posts


@pytest.mark.parametrize("who", VIEWERS)
def test_every_field_is_as_the_plain_serializer_writes_it(rf, request, ana, bob, who):
    """S0-12, S0-28: private tracks are nothing to others, removed ones are told of."""
    viewer = request.getfixturevalue(who) if who else AnonymousUser()
    posts = every_kind(ana, bob)
    rows = list(posts.values())
    assert read(rows, viewer) == written(rf, rows, viewer, plain.PostSerializer)
    whole = read(rows, viewer, expand=shape.EXPANDS)
    assert whole == written(rf, rows, viewer, plain.WholePostSerializer)
    shown = dict(zip(posts, whole, strict=True))
    assert (shown["private"]["track"] is None) == (who in ("bob", None))
    assert shown["removed track"]["track"] is None and shown["removed track"]["track_removed"] is True
    assert (shown["liked"]["like_count"], shown["liked"]["comment_count"]) == (5, 3)


def test_a_light_post_names_its_track_and_reads_nothing_else_of_it(ana, bob):
    """S0-25; and not even its id to who does not see it."""
    posts = [make_post(ana, "", track=make_track(ana)), make_post(ana, "", track=make_track(ana, is_public=False))]
    light = read(posts, bob, fields=shape.LIGHT)
    assert [row["track_id"] for row in light] == [str(posts[0].track_id), None]
    assert all("track" not in row for row in light)
    statement = shape.SHAPE.statement(shape.LIGHT, frozenset(), tracks="(SELECT 1)")
    assert "catalog_trackfile" not in statement


def test_who_left_is_told_as_nobody(ana, bob, mod):
    post = make_post(ana)
    departure.part(user=ana, tracks="remove")
    [told] = read([post], mod)
    assert (told["author"], told["content"], told["status"]) == (None, "", "removed")


def test_many_posts_are_read_by_as_many_statements_as_one(ana):
    posts = [make_post(ana, "", track=make_track(ana)) for _ in range(20)]
    read(posts, ana)  # who asks is known from here on
    asked = []
    for some in (posts[:1], posts):
        with CaptureQueriesContext(connection) as made:
            assert len(read(some, ana)) == len(some)
        asked.append(len(made))
    assert asked == [1, 1]


def test_the_schema_names_every_field_of_both_shapes(ana):
    post = make_post(ana, "", track=make_track(ana))
    [told], [whole] = read([post], ana), read([post], ana, expand=shape.EXPANDS)
    schema, all_of_it = shape.SHAPE.schema()["properties"], shape.whole_schema()["properties"]
    assert list(told) == list(schema) and set(told["track"]) == set(schema["track"]["properties"])
    assert set(whole["track"]) == set(all_of_it["track"]["properties"])


def test_a_track_tells_how_many_posts_show_it_to_everybody(ana, bob):
    """S0-12."""
    track = make_track(ana)
    posts = [make_post(bob, "", track=track) for _ in range(3)]
    Post.machine.move(posts[0], "hidden")
    [told] = map(json.loads, cards.read([track.pk], viewer=AnonymousUser(), base=BASE))
    assert told["stats"]["post_count"] == 2


def test_a_comment_is_as_the_plain_serializer_writes_it(rf, ana, bob):
    post = make_post(ana)
    first = make_comment(post, bob, "Ä <script>")
    rows = [first, make_comment(post, ana, "thanks", parent=first)]
    told = shape.comments([row.pk for row in rows], readable=[row.pk for row in rows], base=BASE)
    context = {"request": rf.get("/")}
    expected = [plain.CommentSerializer(row, context=context).data for row in rows]
    assert [json.loads(each) for each in told] == json.loads(json.dumps(expected, default=str))


def test_a_comment_whose_words_are_gone_tells_its_place_alone(ana, bob):
    post = make_post(ana)
    first = make_comment(post, bob, "secret words")
    make_comment(post, ana, "an answer", parent=first)
    comments.remove(comment=first)
    [told] = map(json.loads, shape.comments([first.pk], readable=[], base=BASE))
    blank = {"author": None, "content": "", "removed": True, "status": "removed", "edited_at": None}
    assert told.items() >= blank.items() and told["id"] == str(first.pk)


def test_a_person_tells_how_many_follow_them(client, ana, bob):
    follows.follow(person=ana, by=bob)
    Post.machine.move(make_post(ana), "hidden")
    make_post(ana)
    stats = client.get("/api/v1/users/ana").json()["stats"]
    assert stats == {"post_count": 1, "follower_count": 1, "following_count": 0}
