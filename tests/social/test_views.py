"""The community's pages: what is shown, to whom, and that text stays text."""

import html
import re
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog import actions as catalog
from apps.social import comments, counts, follows, likes, moderation
from apps.social.models import Comment, Follow, Like, Post, Report
from tests.make import make_comment, make_playable, make_post, make_track

pytestmark = pytest.mark.django_db

# Whoever can make one of these do something owns the reader's session.
PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    'https://x.example/"onmouseover="alert(1)',
    "https://x.example/'onmouseover='alert(1)",
    "https://x.example/<script>alert(1)</script>",
    "data:text/html,<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7|add:7 }} {% csrf_token %}",
    "\u202ehttps://x.example/gpj.exe",
)
SIMPLE = {"p", "br", "a"}


class Tags(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data


def words_of(page: str) -> list[Tags]:
    return [Tags(part) for part in re.findall(r'<div class="said">(.*?)</div>', page, re.DOTALL)]


def page(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_people_type_is_shown_as_they_typed_it(as_, ana, payload):
    """E1: in every page that shows it, and nothing of it does anything."""
    post = make_post(ana, f"before {payload} after")
    make_comment(post, ana, f"before {payload} after")
    for path in ("/feed", f"/posts/{post.pk}", "/people/ana/posts"):
        for who in (None, ana):
            for said in words_of(page(as_(who), path)):
                assert {tag for tag, _ in said.found} <= SIMPLE
                assert html.unescape(said.words.strip()) == html.unescape(f"before {payload} after")
                for _, attrs in (each for each in said.found if each[0] == "a"):
                    assert set(attrs) == {"href", "rel"} and attrs["href"].startswith("https://x.example/")
    assert f"before {payload} after" in html.unescape(page(as_(ana), f"/posts/{post.pk}/edit"))


def test_addresses_become_links_that_vouch_for_nothing(client, ana):
    make_post(ana, "See (https://example.org/a_(b)?c=d&e=f), http://example.org/x. Or ftp://no and www.no.example!")
    [said] = words_of(page(client, "/feed"))
    assert [attrs for tag, attrs in said.found if tag == "a"] == [
        {"href": "https://example.org/a_(b)?c=d&e=f", "rel": "nofollow ugc noopener"},
        {"href": "http://example.org/x", "rel": "nofollow ugc noopener"},
    ]


def test_the_feed_shows_posts_with_their_tracks(as_, ana, bob):
    gone, private = make_track(ana), make_track(ana, is_public=False, title="Secret Demo")
    make_post(ana, "with sound", track=make_playable(ana, title="Night Ferry"))
    make_post(ana, "was here", track=gone)
    make_post(ana, "soon", track=private)
    Post.machine.move(make_post(ana, "hidden words"), "hidden")
    catalog.remove(track=gone, by=ana)
    shown = page(as_(bob), "/feed")
    assert "Night Ferry" in shown and "data-play" in shown and "The track was removed." in shown
    assert "Secret Demo" not in shown and "not for you to hear" in shown and "hidden words" not in shown
    assert "Secret Demo" in page(as_(ana), "/feed")


def test_a_page_of_15_asks_no_more_often_than_one_of_1(as_, ana, bob):
    client, made = as_(bob), []
    for count in (1, 0, 14):
        for _ in range(count):
            make_post(ana, track=make_playable(ana))
        with CaptureQueriesContext(connection) as asking:
            page(client, "/feed")
        made.append(len(asking))
    assert made[1] == made[2] <= 25


def test_pages_lead_on_and_back(client, ana):
    for number in range(16):
        make_post(ana, f"number {number}.")
    first = page(client, "/feed")
    older = re.search(r'rel="next" href="([^"]+)"', first)[1]
    second = page(client, f"/feed{html.unescape(older)}")
    assert "number 0." in second and "number 0." not in first
    newer = re.search(r'rel="prev" href="([^"]+)"', second)[1]
    assert "number 15." in page(client, f"/feed{html.unescape(newer)}")
    assert client.get("/feed?cursor=x").status_code == 400


def test_a_post_is_made_without_scripts(as_, ana):
    client, track = as_(ana), make_track(ana, title="Night Ferry")
    assert "Night Ferry" in page(client, f"/feed?new={track.pk}")
    answer = client.post("/feed", {"content": " mine ", "track_id": track.pk})
    post = Post.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/feed#post-{post.pk}")
    assert (post.content, post.track) == ("mine", track)


def test_what_was_refused_is_given_back_with_the_reason(as_, ana, bob):
    client, track = as_(ana), make_track(ana, title="Night Ferry")
    answer = client.post("/feed", {"content": "x" * 5_001, "track_id": track.pk})
    shown = answer.content.decode()
    assert answer.status_code == 400 and "At most 5,000 characters" in shown
    assert "x" * 5_001 in shown and "Night Ferry" in shown
    private = make_track(bob, is_public=False)
    refused = client.post("/feed", {"track_id": private.pk, "content": "look"})
    assert refused.status_code == 400 and b"permission" in refused.content
    assert client.post("/feed", {"track_id": "x", "content": "look"}).status_code == 400
    assert not Post.objects.exists()


def test_who_is_not_signed_in_reads_and_is_sent_to_sign_in_for_the_rest(client, ana):
    post = make_post(ana)
    assert b"Sign in to comment" in client.get(f"/posts/{post.pk}").content
    for path in ("/feed?following=1",):
        assert client.get(path)["Location"].startswith("/sign-in?next=/feed")
    for path in ("/feed", f"/posts/{post.pk}/like", f"/posts/{post.pk}/comments", "/people/ana/follow"):
        assert client.post(path, {"content": "x"})["Location"].startswith("/sign-in")
    assert Post.objects.count() == 1 and not Like.objects.exists() and not Comment.objects.exists()


def test_liking_and_following_lead_back_to_where_one_was(as_, ana, bob):
    client, post = as_(bob), make_post(ana)
    answer = client.post(f"/posts/{post.pk}/like", {"do": "like", "next": "/feed?following=1"})
    assert answer["Location"] == "/feed?following=1" and counts.of(post).likes == 1
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)", ""):
        answer = client.post(f"/posts/{post.pk}/like", {"do": "unlike", "next": elsewhere})
        assert answer["Location"] == f"/posts/{post.pk}"
    assert counts.of(post).likes == 0
    assert client.post("/people/ana/follow", {"do": "follow"})["Location"] == "/people/ana"
    assert follows.follows(bob, ana)
    client.post("/people/ana/follow", {"do": "unfollow"})
    assert not Follow.objects.exists()


def test_comments_are_made_in_threads_without_scripts(as_, ana, bob):
    post = make_post(ana)
    client = as_(bob)
    client.post(f"/posts/{post.pk}/comments", {"content": "first"})
    first = Comment.objects.get()
    answer = as_(ana).post(f"/posts/{post.pk}/comments", {"content": "answer", "parent_id": first.pk})
    second = Comment.objects.get(parent=first)
    assert answer["Location"] == f"/posts/{post.pk}#comment-{second.pk}"
    shown = page(client, f"/posts/{post.pk}")
    assert shown.index("first") < shown.index("answer") and "2 comments" in shown
    refused = client.post(f"/posts/{post.pk}/comments", {"content": " ", "parent_id": second.pk})
    assert refused.status_code == 400 and b"Write something." in refused.content


def test_a_thread_keeps_the_place_of_what_was_taken_back(as_, ana, bob):
    post = make_post(ana)
    first = make_comment(post, bob, "secret words")
    make_comment(post, ana, "an answer", parent=first)
    comments.remove(comment=first)
    shown = page(as_(ana), f"/posts/{post.pk}")
    assert "A comment was here." in shown and "an answer" in shown and "secret words" not in shown


def test_own_words_are_changed_and_taken_back(as_, ana, bob):
    post = make_post(ana, "first")
    comment = make_comment(post, ana, "said")
    client = as_(ana)
    client.post(f"/posts/{post.pk}/edit", {"content": "second"})
    client.post(f"/comments/{comment.pk}/edit", {"content": "said better"})
    shown = page(as_(bob), f"/posts/{post.pk}")
    assert "second" in shown and "said better" in shown and "edited" in shown
    assert client.post(f"/posts/{post.pk}/edit", {"content": ""}).status_code == 400
    assert as_(bob).get(f"/posts/{post.pk}/edit").status_code == 403
    client.post(f"/comments/{comment.pk}/edit", {"do": "remove"})
    client.post(f"/posts/{post.pk}/edit", {"do": "remove"})
    assert as_(bob).get(f"/posts/{post.pk}").status_code == 404
    assert Comment.objects.get().status == Post.objects.get().status == "removed"


def test_a_persons_page_tells_who_follows_and_offers_to(as_, ana, bob):
    follows.follow(person=ana, by=bob)
    make_post(ana, "what Ana said")
    shown = page(as_(bob), "/people/ana/posts")
    assert "what Ana said" in shown and 'value="unfollow"' in shown and 'aria-pressed="true"' in shown
    assert 'value="follow"' not in page(as_(ana), "/people/ana")
    assert "Sign in to follow" in page(as_(None), "/people/ana")
    assert as_(None).get("/people/ANA/posts")["Location"] == "/people/ana/posts"
    assert as_(None).get("/people/nobody/posts").status_code == 404


def test_a_hidden_post_is_shown_as_such_to_its_author_and_moderators(as_, ana, bob, mod):
    post = make_post(ana)
    likes.like(post=post, by=bob)
    Post.machine.move(post, "hidden")
    for who in (ana, mod):
        shown = page(as_(who), f"/posts/{post.pk}")
        assert "Hidden: only" in shown and "/like" not in shown.partition("<main")[2]
    assert as_(bob).get(f"/posts/{post.pk}").status_code == 404


def test_posts_of_one_track_are_led_to_from_its_page(as_, ana, bob):
    track = make_track(ana, title="Night Ferry")
    make_post(bob, "of it", track=track)
    make_post(bob, "of something else")
    assert f"/feed?track={track.pk}" in page(as_(bob), f"/tracks/{track.pk}")
    shown = page(as_(bob), f"/feed?track={track.pk}")
    assert "of it" in shown and "of something else" not in shown
    assert as_(bob).get("/feed?track=x").status_code == 404


def test_empty_pages_say_what_to_do(as_, ana):
    assert "Be the first" in page(as_(ana), "/feed") and "Sign in and say something" in page(as_(None), "/feed")
    assert "Nothing yet from those you follow" in page(as_(ana), "/feed?following=1")
    assert "You have posted nothing yet" in page(as_(ana), "/people/ana/posts")


@pytest.mark.parametrize("kind", ["post", "comment"])
def test_words_of_others_are_reported_on_a_page_of_their_own(as_, ana, bob, kind):
    post = make_post(ana, "Buy now")
    row = post if kind == "post" else make_comment(post, ana, "Buy now")
    there = f"/{kind}s/{row.pk}/report"
    shown = page(as_(bob), f"/posts/{post.pk}")
    assert there in shown and "Buy now" in page(as_(bob), there)
    assert there not in page(as_(ana), f"/posts/{post.pk}") and there not in page(as_(None), f"/posts/{post.pk}")
    refused = as_(bob).post(there, {"details": "kept words"})
    assert refused.status_code == 400 and b"kept words" in refused.content
    sent = as_(bob).post(there, {"reason": "spam", "details": "x"})
    assert (sent.status_code, sent.url) == (302, moderation.page_of(row))
    assert Report.objects.get().by == bob


def test_who_reports_too_fast_is_asked_to_wait(as_, ana, bob, settings):
    """By a page or by the API: one person has one limit."""
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "report": 2}
    posts = [make_post(ana, "Buy now") for _ in range(3)]
    statuses = [as_(bob).post(f"/posts/{post.pk}/report", {"reason": "spam"}).status_code for post in posts]
    assert statuses == [302, 302, 429] and Report.objects.count() == 2
    answer = as_(bob).post(f"/api/v1/posts/{posts[2].pk}/report", {"reason": "spam"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
    assert as_(bob).get(f"/posts/{posts[2].pk}/report").status_code == 200


@pytest.mark.parametrize("kind", ["post", "comment"])
def test_a_page_from_before_a_change_of_words_changes_nothing(as_, ana, kind):
    post = make_post(ana, "First")
    row = post if kind == "post" else make_comment(post, ana, "First")
    there = f"/{kind}s/{row.pk}/edit"
    seen = as_(ana).get(there).context["draft"]["seen"]
    assert as_(ana).post(there, {"content": "Second", "seen": seen}).status_code == 302
    for _ in range(2):
        late = as_(ana).post(there, {"content": "Third", "seen": seen})
        assert late.status_code == 412 and "Load it again" in late.content.decode() and b"Third" in late.content
    row.refresh_from_db()
    assert row.content == "Second"


def test_a_report_that_is_refused_says_why(as_, ana):
    answer = as_(ana).post(f"/posts/{make_post(ana).pk}/report", {"reason": "spam"})
    assert answer.status_code == 400 and "These words are yours" in answer.content.decode()


def test_the_author_reads_why_something_is_hidden(as_, ana, bob, mod):
    post, other = make_post(ana), make_post(bob)
    comment = make_comment(other, ana)
    for row in (post, comment):
        moderation.hide(said=row, by=mod, reason="An advertisement & <more>")
    reason = "An advertisement &amp; &lt;more&gt;"
    for path in (f"/posts/{post.pk}", "/people/ana/posts", f"/posts/{other.pk}"):
        assert reason in page(as_(ana), path)
    assert reason not in page(as_(bob), f"/posts/{other.pk}")
