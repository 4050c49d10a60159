"""Somebody likes, follows and answers in a real browser; with scripts nothing of it leaves the page."""

import pytest

from apps.social import counts, follows
from apps.social.models import Comment, Post
from tests.browser.test_accounts import CHROMIUM, FLAGS, Person, browsing
from tests.lib.threads import side_by_side
from tests.make import PASSWORD, make_comment, make_post, make_track

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="No Chromium on the PATH."),
]


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def reader(request, live_server, ana, bob):
    """Bob's browser on the feed, in which Ana showed a track."""
    make_comment(make_post(ana, "Made on the ferry", track=make_track(ana, title="Night Ferry")), ana, "Thoughts?")
    with browsing.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        person = Person(started.new_context(java_script_enabled=request.param), live_server.url)
        person.open("/sign-in?next=/feed")
        person.send(**{"E-mail": bob.email, "Password": PASSWORD})
        yield person
        started.close()
    assert person.complaints == []


def asked(question):
    """What the database says; the browser's driver keeps this thread to itself."""
    return side_by_side(question)[0]


def test_liking_following_answering_and_posting(reader, ana, bob):
    page, post = reader.page, asked(Post.objects.get)
    heart = page.get_by_role("button", name="Like")
    for liked in ("true", "false", "true"):
        heart.click()
        page.locator(f"button.like[aria-pressed={liked}]").wait_for()
    assert asked(lambda: counts.of(post).likes) == 1 and heart.inner_text().split()[-1] == "1"
    reader.press(page.get_by_role("link", name="ana").first)
    page.get_by_role("button", name="Follow").click()
    page.get_by_role("button", name="Following").wait_for()
    assert asked(lambda: follows.follows(bob, ana)) and "1 follower" in page.locator("[data-follow-facts]").inner_text()
    reader.open(f"/posts/{post.pk}")
    page.get_by_text("Answer", exact=True).first.click()
    page.get_by_label("Your answer").fill("Beautiful.")
    reader.press(page.get_by_role("button", name="Answer"))
    answer = asked(lambda: Comment.objects.select_related("parent").get(author=bob))
    assert reader.at == f"/posts/{post.pk}#comment-{answer.pk}" and answer.parent.content == "Thoughts?"
    reader.open(f"/tracks/{post.track_id}")
    reader.press(reader.page.get_by_role("link", name="Post it"))
    reader.page.get_by_label("Say something about it, or nothing").fill("Hear this")
    reader.press(reader.page.get_by_role("button", name="Post", exact=True))
    shared = asked(lambda: Post.objects.get(author=bob))
    assert (shared.content, shared.track_id) == ("Hear this", post.track_id)
    assert reader.at == f"/feed#post-{shared.pk}"
