"""`/feed`, `/posts` and likes through the door."""

import json
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.social import follows, likes
from apps.social.models import Like, Post
from tests.make import make_key, make_post, make_track
from tests.social import plain
from tests.social.test_shape import every_kind, written

pytestmark = pytest.mark.django_db
API = "/api/v1"


def test_a_post_is_made_and_answered_with_its_whole_track(as_, ana):
    track = make_track(ana)
    answer = as_(ana).post(f"{API}/posts", {"track_id": str(track.pk), "content": " mine "}, format="json")
    assert answer.status_code == 201
    told = answer.json()
    assert (told["content"], told["post_type"], told["track"]["id"]) == ("mine", "audio", str(track.pk))
    assert told["track"]["stats"]["post_count"] == 1 and "compression" in told["track"]


def test_a_post_that_is_said_twice_under_one_key_is_made_once(as_, ana):
    """Rule 7."""
    client = as_(ana)
    for _ in range(2):
        client.post(f"{API}/posts", {"content": "x"}, format="json", headers={"Idempotency-Key": "k"})
    assert Post.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "INVALID"),
        ({"content": "  "}, 400, "INVALID"),
        ({"content": None}, 400, "INVALID"),
        ({"content": {"a": 1}}, 400, "INVALID"),
        ({"content": "x" * 100_000}, 400, "INVALID"),
        ({"content": "\u0000"}, 400, "INVALID"),
        ({"content": "\ud800"}, 400, "INVALID"),
        ({"track_id": "x"}, 400, "INVALID"),
        ({"track_id": str(uuid.uuid4())}, 404, "TRACK_NOT_FOUND"),
    ],
)
def test_bad_input_is_refused_with_a_code_and_makes_nothing(as_, ana, body, status, code):
    answer = as_(ana).post(f"{API}/posts", json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Post.objects.exists()


def test_a_track_of_others_is_refused_in_words(as_, ana, bob):
    """S0-23."""
    track = make_track(ana, is_public=False)
    answer = as_(bob).post(f"{API}/posts", {"track_id": str(track.pk)}, format="json")
    assert answer.status_code == 403 and "permission" in answer.json()["detail"]


def test_the_feed_is_what_the_plain_serializer_writes(as_, rf, ana, bob):
    posts = [post for name, post in every_kind(ana, bob).items() if name not in ("hidden", "removed")]
    for viewer, client in ((bob, as_(bob)), (AnonymousUser(), as_(None))):
        told = client.get(f"{API}/feed").json()
        assert told["results"] == written(rf, posts[::-1], viewer, plain.PostSerializer)
        assert (told["next"], told["previous"]) == (None, None)


def test_a_page_has_15_posts_unless_it_is_said_otherwise(as_, ana):
    for number in range(17):
        make_post(ana, str(number))
    client = as_(None)
    first = client.get(f"{API}/feed").json()
    assert [row["content"] for row in first["results"]] == [str(number) for number in range(16, 1, -1)]
    assert [row["content"] for row in client.get(first["next"]).json()["results"]] == ["1", "0"]
    assert len(client.get(f"{API}/feed?limit=200").json()["results"]) == 17
    for bad in ("0", "201", "-1", "x", "1e3"):
        assert client.get(f"{API}/feed?limit={bad}").status_code == 400


@pytest.mark.parametrize("asked", ["", "?light=1", "?following=1", "?author=ana"])
def test_a_feed_of_20_asks_no_more_often_than_one_of_1(as_, ana, bob, asked):
    follows.follow(person=ana, by=bob)
    client, made = as_(bob), []
    for count in (1, 19):
        for _ in range(count):
            make_post(ana, track=make_track(ana))
        with CaptureQueriesContext(connection) as asking:
            client.get(f"{API}/feed{asked}{'&' if asked else '?'}limit=20")
        made.append(len(asking))
    with CaptureQueriesContext(connection) as asking:
        assert len(client.get(f"{API}/feed{asked}{'&' if asked else '?'}limit=20").json()["results"]) == 20
    assert made[1] == len(asking) <= made[0]


def test_a_light_feed_names_tracks_and_a_choice_of_fields_is_kept(as_, ana):
    """S0-25."""
    track = make_track(ana)
    make_post(ana, track=track)
    client = as_(None)
    [light] = client.get(f"{API}/feed?light=1").json()["results"]
    assert light["track_id"] == str(track.pk) and "track" not in light
    [few] = client.get(f"{API}/feed?fields=id,content").json()["results"]
    assert set(few) == {"id", "content"}
    [whole] = client.get(f"{API}/feed?expand=track").json()["results"]
    assert "compression" in whole["track"]
    for bad in ("fields=password", "expand=author", "light=yes", "following=2", "track=x"):
        answer = client.get(f"{API}/feed?{bad}")
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID"), bad


def test_a_feed_that_did_not_change_is_known_again(as_, ana, bob):
    post = make_post(ana)
    client = as_(bob)
    tag = client.get(f"{API}/feed")["ETag"]
    assert client.get(f"{API}/feed", headers={"If-None-Match": tag}).status_code == 304
    likes.like(post=post, by=ana)
    assert client.get(f"{API}/feed", headers={"If-None-Match": tag}).status_code == 200


def test_a_persons_posts_are_told_with_hidden_ones_to_themselves(as_, ana, bob, mod):
    make_post(ana, "shown")
    Post.machine.move(make_post(ana, "hidden"), "hidden")
    make_post(bob, "another")

    def told(who) -> list[str]:
        return [row["content"] for row in as_(who).get(f"{API}/users/ana/posts").json()["results"]]

    assert told(None) == told(bob) == ["shown"]
    assert told(ana) == told(mod) == ["hidden", "shown"]
    assert as_(None).get(f"{API}/users/nobody/posts").status_code == 404


def test_words_change_and_nothing_else_does(as_, ana, bob, mod):
    track = make_track(ana)
    post = make_post(ana, "first", track=track)
    told = as_(ana).patch(
        f"{API}/posts/{post.pk}", {"content": "second", "track_id": None, "status": "hidden"}, format="json"
    )
    assert (told.json()["content"], told.json()["track_id"], told.json()["status"]) == (
        "second",
        str(track.pk),
        "shown",
    )
    assert told.json()["edited_at"]
    for person in (bob, mod):
        assert as_(person).patch(f"{API}/posts/{post.pk}", {"content": "x"}, format="json").status_code == 403
        assert as_(person).delete(f"{API}/posts/{post.pk}").status_code == 403


def test_a_post_that_was_taken_back_is_gone_for_everybody_but_staff(as_, ana, bob, mod):
    post = make_post(ana)
    assert as_(ana).delete(f"{API}/posts/{post.pk}").status_code == 204
    assert [as_(who).get(f"{API}/posts/{post.pk}").status_code for who in (None, ana, bob, mod)] == [404, 404, 404, 200]
    assert as_(ana).delete(f"{API}/posts/{post.pk}").status_code == 404


def test_a_like_may_be_said_twice_and_tells_the_count(as_, ana, bob):
    post = make_post(ana)
    client, path = as_(bob), f"{API}/posts/{post.pk}/like"
    for _ in range(2):
        assert client.put(path).json() == {"like_count": 1, "liked_by_user": True}
    assert client.get(f"{API}/feed").json()["results"][0]["liked_by_user"] is True
    assert as_(ana).get(f"{API}/feed").json()["results"][0]["liked_by_user"] is False
    for _ in range(2):
        assert client.delete(path).json() == {"like_count": 0, "liked_by_user": False}


@pytest.mark.parametrize("state", ["hidden", "removed"])
def test_what_not_everybody_reads_is_liked_by_nobody(as_, ana, bob, mod, state):
    post = make_post(ana)
    likes.like(post=post, by=bob)
    Post.machine.move(post, state)
    for person in (ana, bob, mod):
        for method in ("put", "delete"):
            assert getattr(as_(person), method)(f"{API}/posts/{post.pk}/like").status_code == 404
    assert Like.objects.count() == 1


def test_a_key_needs_the_scope_write(client, ana):
    post = make_post(ana)
    for scope, status in (("read", 403), ("write", 200)):
        key = {"Authorization": f"Bearer {make_key(ana, scope)}"}
        assert client.put(f"{API}/posts/{post.pk}/like", headers=key).status_code == status
