"""Which posts stand on a page (S0-24)."""

import base64
import datetime as dt
import json
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog.keyset import moment
from apps.lib.errors import NotFound, Refusal
from apps.social import feed, follows
from apps.social.models import Comment, Post
from tests.make import make_comment, make_post, make_track

pytestmark = pytest.mark.django_db


def said(ids) -> list[str]:
    words = dict(Post.objects.values_list("pk", "content"))
    return [words[pk] for pk in ids]


def walked(reader, size: int) -> list[str]:
    """All pages, one after the other; and back again they are the same."""
    found, page = [], reader.page(size)
    pages = [page.ids]
    while page.next:
        page = reader.page(size, reader.place(reader.cursor(page.next)))
        pages.append(page.ids)
        assert len(pages) < 50
    for earlier in reversed(pages[:-1]):
        page = reader.page(size, page.previous)
        assert page.ids == earlier
    for ids in pages:
        found += said(ids)
    return found


def make_posts(author, count: int, word: str) -> None:
    """The later the newer; three of them at the same moment."""
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for number in range(count):
        post = make_post(author, f"{word}{number}")
        Post.objects.filter(pk=post.pk).update(created_at=start + dt.timedelta(hours=number // 3))


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_pages_lay_everything_together_newest_first(ana, size):
    make_posts(ana, 10, "a")
    assert walked(feed.reader(AnonymousUser()), size) == [f"a{number}" for number in reversed(range(10))]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_those_who_are_followed_are_laid_together(ana, bob, mod, boss, size):
    for person, word in ((ana, "a"), (mod, "m"), (boss, "b")):
        make_posts(person, 7, word)
    for person in (ana, mod):
        follows.follow(person=person, by=bob)
    rows = Post.objects.filter(author__in=[ana, mod]).order_by("-created_at", "-id")
    assert walked(feed.reader(bob, following=True), size) == [post.content for post in rows]


def test_what_is_hidden_stands_in_no_feed_also_not_in_a_moderators(ana, bob, mod):
    for state in ("hidden", "removed"):
        Post.machine.move(make_post(ana, state), state)
    make_post(ana, "shown")
    follows.follow(person=ana, by=mod)
    for viewer in (AnonymousUser(), ana, mod):
        assert said(feed.reader(viewer).page(10).ids) == ["shown"]
    assert said(feed.reader(mod, following=True).page(10).ids) == ["shown"]


def test_a_feed_is_of_one_person_or_about_one_track(ana, bob):
    track = make_track(ana)
    make_post(ana, "a")
    make_post(bob, "b", track=track)
    assert said(feed.reader(bob, author="ANA").page(10).ids) == ["a"]
    assert said(feed.reader(bob, track=track.pk).page(10).ids) == ["b"]
    with pytest.raises(NotFound):
        feed.reader(bob, author="nobody")


def test_posts_of_a_track_that_one_does_not_see_are_not_told(ana, bob):
    """S0-28: neither which they are nor that there are any."""
    track = make_track(ana, is_public=False)
    make_post(ana, track=track)
    with pytest.raises(NotFound):
        feed.reader(bob, track=track.pk)
    assert len(feed.reader(ana, track=track.pk).page(10).ids) == 1


def test_one_who_follows_nobody_reads_nothing_and_who_is_nobody_signs_in(ana):
    make_post(ana)
    assert feed.reader(ana, following=True).page(10).ids == []
    with pytest.raises(Refusal) as caught:
        feed.reader(AnonymousUser(), following=True)
    assert caught.value.status == 401


def test_a_page_is_one_statement_however_deep_it_is(ana, bob):
    make_posts(ana, 30, "a")
    follows.follow(person=ana, by=bob)
    for reader in (feed.reader(bob), feed.reader(bob, following=True)):
        first = reader.page(10)
        for size, place in ((1, None), (20, None), (5, first.next)):
            with CaptureQueriesContext(connection) as made:
                reader.page(size, place)
            assert len(made) == 1


@pytest.mark.parametrize("text", ["", "x", "W10", "2026-01-01", '["-created",0,"2026-01-01T00:00:00","0",0]'])
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(Refusal) as caught:
        feed.reader(AnonymousUser()).place(text)
    assert caught.value.code == "INVALID"


def test_a_cursor_without_a_zone_is_none():
    with pytest.raises(ValueError):
        moment("2026-01-01T00:00:00")


def test_comments_are_read_oldest_first(ana, bob):
    post = make_post(ana)
    rows = [make_comment(post, bob, str(number)) for number in range(5)]
    reader = feed.oldest(Comment.objects.all())
    page = reader.page(3)
    assert page.ids == [row.pk for row in rows[:3]]
    assert reader.page(3, page.next).ids == [row.pk for row in rows[3:]]


@pytest.mark.parametrize(
    "when", ["2026-01-01T00:00:00+00:00:00.000001", "2026-01-01T00:00:00+23:59", "0001-01-01T00:00:00+23:59",
             "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00"],
)  # fmt: skip
def test_a_cursor_of_any_moment_gives_a_page_or_is_refused(ana, when):
    """What Python reads of times is more than what the database does."""
    make_post(ana)
    said = json.dumps(["-created", 0, when, uuid.uuid4().hex, 0])
    reader = feed.newest(Post.objects.shown())
    try:
        assert len(reader.page(5, reader.place(base64.urlsafe_b64encode(said.encode()).decode())).ids) < 2
    except Refusal as refused:
        assert refused.code == "INVALID"
