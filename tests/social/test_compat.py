"""How programs of the old shape go on (S0-37, S0-38)."""

import datetime as dt
import hashlib
import json
import logging
import threading

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction

from apps.accounts import departure
from apps.accounts.models import ApiKey
from apps.catalog import actions as catalog
from apps.catalog.models import Provider, ProviderSource, Track
from apps.lib.errors import Refusal
from apps.social import compat, shape
from apps.social.models import DeprecatedUse, Post, PostMove
from tests.make import make_key, make_playable, make_post, make_track
from tests.social.test_shape import every_kind

pytestmark = pytest.mark.django_db
SITE = "https://here.example"
STORE = "store.example.org"
FILE = f"https://{STORE}/audio-files/1/2.mp3"
AUDIO = ("audio_url", "audio_filename", "audio_duration", "audio_file_size", "audio_mime_type")
NOTHING = ("", "Audio Track", None, None, None)


def told(post, viewer) -> tuple:
    """The five old fields of a post."""
    [text] = compat.read([post.pk], fields=frozenset(AUDIO), expand=frozenset(), viewer=viewer, base=SITE)
    return tuple(json.loads(text)[name] for name in AUDIO)


def say_old(post, **said) -> None:
    """What its old columns say; the database keeps them until the switch."""
    with connection.cursor() as cursor:
        for column, value in said.items():
            cursor.execute(f"UPDATE social_post SET {column} = %s WHERE id = %s", [value, post.pk])


@pytest.fixture
def store(db) -> Provider:
    """Where old files lie."""
    return Provider.objects.create(code="community", name="Community", lifetime=dt.timedelta(days=3650), hosts=[STORE])


def refused(**said) -> str:
    with pytest.raises(Refusal) as caught:
        compat.publish(site=SITE, **said)
    return caught.value.code


def test_old_fields_tell_what_the_track_tells(ana, bob):
    track = make_playable(ana, seconds=1.6)
    post = make_post(ana, track=track)
    url, *rest = told(post, bob)
    assert url == f"{SITE}/api/v1/tracks/{track.pk}/stream"
    [new] = map(json.loads, shape.read([post.pk], viewer=bob, base=SITE))
    assert rest == [track.title, 2, new["track"]["file_size"], new["track"]["mime_type"]]
    assert new["track"]["file_size"] > 0 and new["track"]["mime_type"]


def test_a_post_without_a_track_tells_its_old_columns_and_else_the_defaults(ana):
    """S0-38: the new structure first, then the old one, then the defaults."""
    silent, left = make_post(ana), make_post(ana)
    assert told(silent, ana) == NOTHING
    say_old(left, audio_url=FILE, audio_filename="left.mp3", audio_duration=7, audio_file_size=9, audio_mime_type="a/b")
    assert told(left, ana) == (FILE, "left.mp3", 7, 9, "a/b")
    say_old(left, audio_url="javascript:alert(1)", audio_filename="", audio_duration=0)
    assert told(left, ana) == ("", "Audio Track", None, 9, "a/b")


def test_what_was_kept_of_dropped_columns_is_told(ana):
    post = make_post(ana)
    PostMove.objects.create(post_id=post.pk, fate="bad_url", mended={"audio_url": FILE, "audio_filename": "kept.mp3"})
    assert told(post, ana) == (FILE, "kept.mp3", None, None, None)


def test_a_hidden_track_tells_nothing_though_the_old_columns_know_it(ana, bob, mod):
    """S0-28: the database writes the track's words beside every post."""
    private = make_playable(ana, is_public=False)
    post = make_post(ana, track=private)
    with connection.cursor() as cursor:
        cursor.execute("SELECT audio_filename FROM social_post WHERE id = %s", [post.pk])
        assert cursor.fetchone() == (private.title,)
    for viewer in (bob, AnonymousUser()):
        assert told(post, viewer) == NOTHING
    assert told(post, ana)[1] == told(post, mod)[1] == private.title
    say_old(post, audio_file_size=77)
    assert told(post, bob) == NOTHING
    catalog.remove(track=private, by=ana)
    assert told(post, ana) == NOTHING


def test_who_gets_the_preview_gets_no_address_of_the_full_file(ana, bob):
    post = make_post(ana, track=make_playable(ana, is_pro_only=True))
    assert told(post, bob)[0] == "" and told(post, ana)[0]


def test_the_old_shape_is_the_new_one_and_the_old_fields(ana, bob):
    posts = every_kind(ana, bob)
    keys = [post.pk for name, post in posts.items() if name not in ("hidden", "removed")]
    new = shape.read(keys, viewer=bob, base=SITE)
    old = compat.read(keys, fields=compat.chosen("old", None), expand=frozenset(), viewer=bob, base=SITE)
    for one, other in zip(map(json.loads, new), map(json.loads, old), strict=True):
        assert {name: other[name] for name in one} == one
        assert set(other) - set(one) == compat.NAMES
        assert other["profile"] == one["author"] and other["user_id"] == one["author"]["id"]


def test_another_shape_is_refused():
    with pytest.raises(Refusal, match="shape: old"):
        compat.chosen("new", None)


def test_an_author_is_named_by_id_or_name(ana):
    assert [compat.author(name) for name in (str(ana.pk), "ana", "")] == ["ana", "ana", ""]
    with pytest.raises(Refusal) as caught:
        compat.author("00000000-0000-4000-8000-000000000000")
    assert caught.value.status == 404


def test_an_old_audio_post_makes_its_track_and_later_ones_share_it(ana, bob, store):
    """As the move does: one track for each file of a person."""
    said = {"audio_url": FILE, "audio_filename": " Rain.mp3 ", "audio_duration": 61, "audio_file_size": 5}
    post = compat.publish(author=ana, site=SITE, content=" mine ", post_type="audio", **said)
    track = post.track
    assert (track.title, track.description, track.duration_ms, track.kind) == ("Rain.mp3", "mine", 61_000, "uploaded")
    assert (track.status, track.owner) == ("ready", ana) and Track.objects.visible_to(bob).filter(pk=track.pk).exists()
    source = ProviderSource.objects.get(track=track)
    assert (source.provider, source.audio_url, source.expires_at.year) == (store, FILE, 2100)
    assert told(post, bob)[:3] == (f"{SITE}/api/v1/tracks/{track.pk}/stream", "Rain.mp3", 61)
    assert compat.publish(author=ana, site=SITE, audio_url=f" {FILE} ").track == track
    assert compat.publish(author=bob, site=SITE, audio_url=FILE).track != track


def test_a_track_that_the_move_made_is_shared_too(ana, store):
    track = make_track(ana, title="moved")
    ProviderSource.objects.create(
        track=track, owner=ana, provider=store, provider_track_id=str(track.pk), audio_url=FILE,
        expires_at=dt.datetime(2100, 1, 1, tzinfo=dt.UTC),
    )  # fmt: skip
    assert compat.publish(author=ana, site=SITE, audio_url=FILE).track == track


def test_a_file_whose_track_was_removed_comes_in_anew(ana, store):
    first = compat.publish(author=ana, site=SITE, audio_url=FILE).track
    catalog.remove(track=first, by=ana)
    assert compat.publish(author=ana, site=SITE, audio_url=FILE).track != first


def test_a_file_without_a_name_gets_the_old_title(ana, store):
    """S0-32."""
    post = compat.publish(author=ana, site=SITE, audio_url=FILE, audio_filename="  ")
    assert post.track.title == f"Audio Track - {post.created_at:%Y-%m-%d}"
    long = compat.publish(author=ana, site=SITE, audio_url=f"{FILE}?2", audio_filename="x" * 300)
    assert len(long.track.title) == 255


def test_the_address_of_a_track_here_names_that_track(ana, bob, settings):
    track = make_track(ana)
    settings.SITE_URL = "https://name.example"
    for address in (
        f"{SITE}/api/v1/tracks/{track.pk}/stream",
        f"https://NAME.example/tracks/{track.pk}?x=1",
        f"/api/v1/tracks/{track.pk}",
    ):
        assert compat.publish(author=bob, site=SITE, audio_url=address).track == track
    private = make_track(ana, is_public=False)
    assert refused(author=bob, audio_url=f"/tracks/{private.pk}") == "FORBIDDEN"
    assert Track.objects.count() == 2


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"audio_url": "https://elsewhere.example/a.mp3"}, "URL_REFUSED"),
        ({"audio_url": f"http://{STORE}/a.mp3"}, "URL_REFUSED"),
        ({"audio_url": f"https://{STORE}.evil.example/a.mp3"}, "URL_REFUSED"),
        ({"audio_url": "file:///etc/passwd"}, "INVALID"),
        ({"audio_url": "https://169.254.169.254/latest"}, "URL_REFUSED"),
        ({"audio_url": "https://[::1"}, "INVALID"),
        ({"audio_url": f"{SITE}/people/ana"}, "INVALID"),
        ({"audio_url": "no address"}, "INVALID"),
        ({"audio_url": f"https://{STORE}/{'x' * 2_000}"}, "INVALID"),
        ({"audio_url": FILE, "post_type": "text"}, "INVALID"),
        ({"audio_url": "", "post_type": "audio"}, "INVALID"),
        ({"audio_url": FILE, "content": "x" * 5_001}, "INVALID"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_made(ana, store, said, code):
    assert refused(author=ana, **said) == code
    assert not Post.objects.exists() and not Track.objects.exists()


def test_two_tracks_at_once_are_none(ana, store):
    track = make_track(ana)
    assert refused(author=ana, track_id=track.pk, audio_url=FILE) == "INVALID"
    assert refused(author=ana, track_id=track.pk, post_type="text") == "INVALID"


def test_a_house_without_old_files_takes_no_new_ones(ana):
    assert refused(author=ana, audio_url=FILE) == "URL_REFUSED"


def test_a_posts_id_that_stands_for_its_track_is_read_so(ana, bob):
    track = make_track(ana)
    post, private = make_post(ana, track=track), make_post(ana, track=make_track(ana, is_public=False))
    hidden = make_post(ana, track=track)
    Post.machine.move(hidden, "hidden")
    with compat.listening() as noted:
        assert compat.track_of(bob, track.pk) == track.pk
        assert not noted
        assert compat.track_of(bob, post.pk) == track.pk
        assert noted == {"post_as_track"}
    assert compat.track_of(bob, hidden.pk) == hidden.pk
    assert compat.track_of(bob, private.pk) == private.track_id  # the track itself is asked for later
    text = make_post(ana)
    assert compat.track_of(bob, text.pk) == text.pk


def test_a_use_is_counted_by_key_person_or_network_and_logged_once_a_day(ana, bob, caplog):
    make_key(ana)
    key, now = ApiKey.objects.get(), dt.datetime(2027, 1, 2, 3, tzinfo=dt.UTC)
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        compat.count({"shape", "page"}, user=ana, key=key, now=now)
        compat.count({"shape"}, user=bob, network="192.0.2.1", now=now)
        compat.count({"shape"}, user=AnonymousUser(), network="192.0.2.1", now=now)
    compat.count({"shape"}, user=ana, key=key, now=now + dt.timedelta(days=1))
    rows = DeprecatedUse.objects.order_by("pk").values_list("user", "key", "network", "day", "what", "count")
    day, next_day = now.date(), (now + dt.timedelta(days=1)).date()
    assert set(rows) == {
        (ana.pk, key.pk, "", day, "page", 3),
        (ana.pk, key.pk, "", day, "shape", 3),
        (ana.pk, key.pk, "", next_day, "shape", 1),
        (bob.pk, None, "", day, "shape", 3),
        (None, None, "192.0.2.1", day, "shape", 3),
    }
    assert len(caplog.records) == 5
    assert str(key.pk) in caplog.text and "Read `track`" in caplog.text


def test_a_developer_is_warned_every_time(ana, caplog, settings):
    settings.DEBUG = True
    for _ in range(3):
        compat.count({"page"}, user=ana)
    assert len(caplog.records) == 3


@pytest.mark.django_db(transaction=True)
def test_uses_counted_at_once_are_all_counted(ana):
    def use() -> None:
        for _ in range(10):
            compat.count({"shape", "page", "user"}, user=ana)
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(DeprecatedUse.objects.values_list("what", "count")) == {("shape", 80), ("page", 80), ("user", 80)}


def test_counting_waits_for_no_disk(ana):
    with transaction.atomic(), connection.cursor() as cursor:
        compat.count({"shape"}, user=ana)
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("off",)


def test_who_is_left_is_told_with_the_last_day(ana):
    now = dt.datetime(2027, 1, 10, tzinfo=dt.UTC)
    for days in (9, 1, 1):
        compat.count({"page"}, user=ana, now=now - dt.timedelta(days=days))
    [row] = compat.left(since=dt.date(2027, 1, 1))
    assert (row["user__email"], row["uses"], row["last"]) == (ana.email, 3, dt.date(2027, 1, 9))
    assert [row["uses"] for row in compat.left(since=dt.date(2027, 1, 2))] == [2]
    assert not compat.left(since=dt.date(2027, 1, 10))


def test_uses_are_forgotten_after_90_days_and_with_their_person(ana):
    now = dt.datetime(2027, 6, 1, tzinfo=dt.UTC)
    for days in (91, 90):
        compat.count({"page"}, user=ana, now=now - dt.timedelta(days=days))
    assert compat.forget(now=now) == 1
    departure.part(user=ana, tracks="remove")
    assert not DeprecatedUse.objects.exists()


def test_a_file_is_one_track_by_its_address(ana, store):
    """The name at the provider is of the address alone, so that two at once cannot make two."""
    compat.publish(author=ana, site=SITE, audio_url=FILE)
    assert ProviderSource.objects.get().provider_track_id == hashlib.sha256(FILE.encode()).hexdigest()
