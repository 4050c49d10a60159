"""`/posts/{id}/comments` and `/comments/{id}` through the door."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.social import comments
from apps.social.models import Comment, Post
from tests.make import make_comment, make_post

pytestmark = pytest.mark.django_db
API = "/api/v1"


def test_a_comment_is_made_and_answered(as_, ana, bob):
    post = make_post(ana)
    first = as_(bob).post(f"{API}/posts/{post.pk}/comments", {"content": " Nice "}, format="json")
    assert first.status_code == 201
    told = first.json()
    assert (told["content"], told["depth"], told["parent_id"]) == ("Nice", 0, None)
    answer = {"content": "Thanks", "parent_id": told["id"]}
    second = as_(ana).post(f"{API}/posts/{post.pk}/comments", answer, format="json").json()
    assert (second["depth"], second["parent_id"]) == (1, told["id"])
    thread = as_(None).get(f"{API}/posts/{post.pk}/comments").json()
    assert thread["results"] == [told, second]
    assert as_(None).get(f"{API}/posts/{post.pk}").json()["comment_count"] == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "INVALID"),
        ({"content": " "}, 400, "INVALID"),
        ({"content": "x" * 2_001}, 400, "INVALID"),
        ({"content": "x", "parent_id": "x"}, 400, "INVALID"),
        ({"content": "x", "parent_id": "00000000-0000-7000-8000-000000000000"}, 404, "NOT_FOUND"),
    ],
)
def test_bad_input_is_refused_with_a_code(as_, ana, body, status, code):
    answer = as_(ana).post(f"{API}/posts/{make_post(ana).pk}/comments", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Comment.objects.exists()


def test_a_thread_is_six_levels_deep(as_, ana):
    """Bad input: 40 levels."""
    post, parent, codes = make_post(ana), None, []
    for _ in range(40):
        answer = as_(ana).post(f"{API}/posts/{post.pk}/comments", {"content": "x", "parent_id": parent}, format="json")
        codes.append(answer.status_code)
        parent = answer.json().get("id", parent)
    assert codes == [201] * 6 + [400] * 34 and answer.json()["code"] == "THREAD_TOO_DEEP"


def test_a_comment_that_was_taken_back_holds_its_place_without_words(as_, ana, bob, mod):
    post = make_post(ana)
    root = make_comment(post, bob, "secret words")
    make_comment(post, ana, "answer", parent=root)
    assert as_(ana).delete(f"{API}/comments/{root.pk}").status_code == 403
    assert as_(bob).delete(f"{API}/comments/{root.pk}").status_code == 204
    for who in (None, ana, bob):
        place, answer = as_(who).get(f"{API}/posts/{post.pk}/comments").json()["results"]
        assert (place["removed"], place["content"], place["author"]) == (True, "", None)
        assert answer["parent_id"] == place["id"] and answer["content"] == "answer"
    place, _ = as_(mod).get(f"{API}/posts/{post.pk}/comments").json()["results"]
    assert (place["content"], place["status"]) == ("secret words", "removed")


def test_other_words_are_the_authors_alone(as_, ana, bob, mod):
    comment = make_comment(make_post(ana), bob, "first")
    told = (
        as_(bob).patch(f"{API}/comments/{comment.pk}", {"content": "second", "parent_id": None}, format="json").json()
    )
    assert told["content"] == "second" and told["edited_at"]
    for person in (ana, mod):
        assert as_(person).patch(f"{API}/comments/{comment.pk}", {"content": "x"}, format="json").status_code == 403


@pytest.mark.parametrize("state", ["hidden", "removed"])
def test_below_what_not_everybody_reads_nobody_says_anything(as_, ana, bob, mod, state):
    post = make_post(ana)
    comment = make_comment(post, bob)
    Post.machine.move(post, state)
    for person in (ana, bob, mod):
        assert as_(person).post(f"{API}/posts/{post.pk}/comments", {"content": "x"}, format="json").status_code == 404
    assert as_(bob).patch(f"{API}/comments/{comment.pk}", {"content": "x"}, format="json").status_code == 404
    assert as_(bob).get(f"{API}/posts/{post.pk}/comments").status_code == 404


def test_a_thread_of_20_asks_no_more_often_than_one_of_1(as_, ana, bob):
    post, client, made = make_post(ana), as_(bob), []
    for count in (1, 0, 19):
        for _ in range(count):
            make_comment(post, ana)
        with CaptureQueriesContext(connection) as asking:
            client.get(f"{API}/posts/{post.pk}/comments")
        made.append(len(asking))
    assert made[1] == made[2]


def test_a_thread_is_read_in_pages(as_, ana):
    post = make_post(ana)
    for number in range(5):
        make_comment(post, ana, str(number))
    page = as_(None).get(f"{API}/posts/{post.pk}/comments?limit=3").json()
    rest = as_(None).get(page["next"]).json()
    assert [row["content"] for row in page["results"] + rest["results"]] == list("01234")


def test_a_comment_that_is_said_twice_under_one_key_is_made_once(as_, ana):
    post = make_post(ana)
    for _ in range(2):
        as_(ana).post(
            f"{API}/posts/{post.pk}/comments", {"content": "x"}, format="json", headers={"Idempotency-Key": "k"}
        )
    assert Comment.objects.count() == 1 and comments.thread(post, ana).count() == 1
