"""The API as programs of the old shape use it (S0-24, S0-37, S0-38)."""

import datetime as dt
from email.utils import parsedate_to_datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import ApiKey
from apps.catalog.models import Provider, Track
from apps.social import follows
from apps.social.models import DeprecatedUse, Post
from tests.make import make_key, make_playable, make_playlist, make_post, make_track

pytestmark = pytest.mark.django_db
API = "/api/v1"
FEED = f"{API}/feed"
FILE = "https://store.example.org/a.mp3"


@pytest.fixture
def store(db) -> None:
    Provider.objects.create(code="community", name="Community", hosts=["store.example.org"])


@pytest.fixture
def posts(ana) -> list[Post]:
    return [make_post(ana, str(number)) for number in range(17)]


def uses() -> dict[str, int]:
    return dict(DeprecatedUse.objects.values_list("what", "count"))


def words(answer, name: str = "results") -> list[str]:
    return [row["content"] for row in answer.json()[name]]


def test_numbered_pages_are_the_feed_and_say_whether_there_are_more(as_, posts):
    client = as_(None)
    first, second, third = (client.get(f"{FEED}?page={page}") for page in (1, 2, 3))
    assert words(first) == [str(number) for number in range(16, 1, -1)] and first.json()["hasMore"] is True
    assert words(second) == ["1", "0"] and second.json()["hasMore"] is False
    assert (words(third), third.json()["hasMore"], third.json()["next"]) == ([], False, None)
    assert words(client.get(f"{FEED}?page=3&limit=5")) == ["6", "5", "4", "3", "2"]
    assert client.get(f"{FEED}?page=2&limit=17").json()["results"] == []
    assert client.get(f"{FEED}?page=1&limit=17").json()["hasMore"] is False


def test_a_numbered_page_leads_on_without_numbers(as_, posts):
    client = as_(None)
    onward = client.get(f"{FEED}?page=1&user=ana").json()["next"]
    assert "page=" not in onward
    answer = client.get(onward)
    assert words(answer) == ["1", "0"] and "hasMore" not in answer.json()


@pytest.mark.parametrize("bad", ["0", "-1", "x", "1.5", "", "667", "9" * 40, "٣"])
def test_what_is_no_page_is_refused(as_, bad):
    answer = as_(None).get(f"{FEED}?page={bad}")
    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (400, "INVALID", ["page"])


def test_pages_of_those_one_follows_and_of_a_person(as_, ana, bob, posts):
    follows.follow(person=ana, by=bob)
    client = as_(bob)
    assert words(client.get(f"{FEED}?following=1&page=2")) == ["1", "0"]
    assert words(client.get(f"{API}/users/ana/posts?page=2")) == ["1", "0"]
    assert words(client.get(f"{API}/posts?page=2&user={ana.pk}")) == ["1", "0"]
    assert words(client.get(f"{API}/posts?user={bob.pk}")) == []
    assert client.get(f"{API}/posts?user=00000000-0000-4000-8000-000000000000").status_code == 404


def test_the_old_shape_of_a_list_and_of_a_post(as_, ana):
    track = make_playable(ana)
    post = make_post(ana, track=track)
    client = as_(None)
    listed = client.get(f"{FEED}?shape=old").json()
    assert listed["hasMore"] is False
    for row in (listed["posts"][0], client.get(f"{API}/posts/{post.pk}?shape=old").json()):
        assert row["audio_url"] == row["track"]["file_url"] and row["audio_filename"] == track.title
        assert row["profile"]["username"] == "ana" and row["user_id"] == str(ana.pk)
    [row] = client.get(f"{FEED}?fields=id,audio_url").json()["results"]
    assert row == {"id": str(post.pk), "audio_url": listed["posts"][0]["audio_url"]}
    [row] = client.get(f"{FEED}?shape=old&light=1").json()["posts"]
    assert "track" not in row and row["audio_filename"] == track.title
    assert client.get(f"{FEED}?shape=new").json()["code"] == "INVALID"


def test_what_is_not_old_has_no_old_field_and_says_nothing(as_, ana):
    post = make_post(ana, track=make_track(ana))
    for address in (FEED, f"{API}/posts/{post.pk}", f"{FEED}?limit=5&author=ana&fields=id"):
        answer = as_(ana).get(address)
        assert '"audio_url"' not in answer.content.decode()
        assert not {"Deprecation", "Sunset", "Link"} & set(answer.headers)
    as_(ana).post(f"{API}/posts", {"content": "x"}, format="json")
    assert not DeprecatedUse.objects.exists()


def test_an_old_use_is_told_by_headers(as_, ana, settings):
    """RFC 9745, RFC 8594."""
    settings.OLD_SHAPE_SUNSET = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
    answer = as_(None).get(f"{FEED}?page=1")
    assert dt.datetime.fromtimestamp(int(answer["Deprecation"].removeprefix("@")), dt.UTC) <= dt.datetime.now(dt.UTC)
    assert answer["Sunset"] == "Mon, 01 Mar 2027 00:00:00 GMT"
    assert parsedate_to_datetime(answer["Sunset"]) == settings.OLD_SHAPE_SUNSET
    assert answer["Link"] == '<http://testserver/api/v1/docs/>; rel="deprecation"; type="text/html"'


def test_also_when_nothing_changed_and_when_it_is_refused(as_, ana):
    client = as_(None)
    tag = client.get(f"{FEED}?page=1")["ETag"]
    again = client.get(f"{FEED}?page=1", headers={"If-None-Match": tag})
    assert again.status_code == 304 and "Deprecation" in again
    assert "Deprecation" in client.get(f"{FEED}?page=0")


def test_each_use_is_counted_for_its_key_its_person_or_its_network(as_, ana):
    program = as_(None)
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana)}")
    for client in (program, program, as_(ana), as_(None)):
        client.get(f"{FEED}?page=1&user=ana")
    counted = set(DeprecatedUse.objects.values_list("what", "user", "key", "network", "count"))
    key = ApiKey.objects.get().pk
    assert counted == {
        row
        for what in ("page", "user")
        for row in ((what, ana.pk, key, "", 2), (what, ana.pk, None, "", 1), (what, None, None, "127.0.0.1", 1))
    }


def test_an_old_audio_post_makes_a_track_and_a_post(as_, ana, bob, store):
    said = {
        "post_type": "audio", "content": "mine", "audio_url": FILE, "audio_filename": "Rain.mp3", "audio_duration": 61,
        "audio_file_size": 5, "audio_mime_type": "audio/mpeg",
    }  # fmt: skip
    answer = as_(ana).post(f"{API}/posts", said, format="json")
    assert answer.status_code == 201 and "Deprecation" in answer
    told = answer.json()
    assert (told["post_type"], told["content"], told["track"]["title"]) == ("audio", "mine", "Rain.mp3")
    assert uses() == {"post_type": 1, "audio_url": 1}
    shown = as_(bob).get(f"{API}/posts/{told['id']}?shape=old").json()
    assert (shown["audio_filename"], shown["audio_duration"]) == ("Rain.mp3", 61)
    assert shown["audio_url"] == f"http://testserver/api/v1/tracks/{told['track_id']}/stream"


def test_an_old_text_post_says_nulls_of_its_audio(as_, ana):
    said = {"post_type": "text", "content": "x", "audio_url": None, "audio_duration": None, "audio_file_size": None}
    assert as_(ana).post(f"{API}/posts", said, format="json").json()["post_type"] == "text"


@pytest.mark.parametrize(
    "said",
    [
        {"post_type": "video", "content": "x"},
        {"audio_url": FILE, "audio_duration": "nan"},
        {"audio_url": FILE, "audio_duration": -1},
        {"audio_url": FILE, "audio_duration": 2**40},
        {"audio_url": [FILE]},
        {"audio_url": "x" * 9_000},
        {"audio_url": FILE + "\u0000"},
        {"audio_url": FILE, "audio_filename": {"a": 1}},
        {"audio_url": "file:///etc/passwd"},
    ],
)
def test_bad_old_input_is_refused_and_makes_nothing(as_, ana, store, said):
    answer = as_(ana).post(f"{API}/posts", said, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert not Post.objects.exists() and not Track.objects.exists()


def test_an_old_post_that_is_said_twice_under_one_key_is_made_once(as_, ana, store):
    """Rule 7."""
    for _ in range(2):
        as_(ana).post(f"{API}/posts", {"audio_url": FILE}, format="json", headers={"Idempotency-Key": "k"})
    assert (Post.objects.count(), Track.objects.count()) == (1, 1)


def test_a_playlist_takes_a_posts_id_as_a_track(as_, ana, bob):
    track = make_track(ana)
    post, playlist = make_post(ana, track=track), make_playlist(bob)
    answer = as_(bob).post(f"{API}/playlists/{playlist.pk}/entries", {"track_id": str(post.pk)}, format="json")
    assert answer.status_code == 201 and answer.json()["track_id"] == str(track.pk)
    assert "Deprecation" in answer and uses() == {"post_as_track": 1}
    private = make_post(ana, track=make_track(ana, is_public=False))
    refused = as_(bob).post(f"{API}/playlists/{playlist.pk}/entries", {"track_id": str(private.pk)}, format="json")
    assert refused.json()["code"] == "TRACK_FORBIDDEN"


def test_an_old_page_of_20_asks_no_more_often_than_one_of_1(as_, ana, bob):
    client, made = as_(bob), []
    for count in (1, 19):
        for _ in range(count):
            make_post(ana, track=make_track(ana))
        with CaptureQueriesContext(connection) as asking:
            client.get(f"{FEED}?shape=old&page=1&limit=20")
        made.append(len(asking))
    assert made[0] == made[1]
