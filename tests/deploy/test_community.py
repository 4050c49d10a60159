"""The demo's community: made by the doors' own actions, once, whatever of its tracks there is."""

import pytest

from apps.accounts.models import Notice
from apps.catalog import words
from apps.catalog.models import Track
from apps.playlists.models import Entry, Import, ImportLine, Member, Playlist
from apps.social import counts
from apps.social.models import Comment, Decision, Follow, Like, Post, Report
from deploy.demo import community, seed
from tests.make import make_track, make_user

pytestmark = pytest.mark.django_db
MADE = (Post, Comment, Like, Follow, Report, Decision, Playlist, Entry, Member, Import, ImportLine, Notice)


@pytest.fixture
def people():
    return {username: make_user(username) for username, *_ in seed.PEOPLE}


@pytest.fixture
def tracks(people):
    """What the demo uploads and generates, without bytes."""
    rows = [(username, title, seconds, public) for username, title, _, seconds, *_, public in seed.UPLOADS]
    rows += [(username, title, seconds, True) for username, _, title, seconds, *_ in seed.GENERATED]
    made = [
        make_track(people[username], title=title, duration_ms=seconds * 1000, is_public=public)
        for username, title, seconds, public in rows
    ]
    words.learn()
    return {track.title: track for track in made}


def how_many() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in MADE}


def test_every_page_and_queue_has_something_and_a_second_run_changes_nothing(people, tracks, boss):
    assert community.gather(people, tracks, boss)
    made = how_many()
    assert all(made.values()), made
    assert not community.gather(people, tracks, boss)
    assert how_many() == made
    assert set(Report.objects.values_list("state", flat=True)) == {"open", "upheld", "dismissed"}
    outcomes = ImportLine.objects.values_list("outcome", flat=True).order_by("number")
    assert list(outcomes) == ["added", "added", "unresolved", "added", "unresolved"]
    assert Playlist.objects.filter(cover__isnull=False, is_public=True, members__isnull=False).exists()
    assert Playlist.objects.filter(is_public=False, entries__isnull=False).exists()


def test_what_is_counted_is_what_is_there(people, tracks, boss):
    community.gather(people, tracks, boss)
    for post in Post.objects.all():
        told = counts.of(post)
        assert (told.likes, told.comments) == (post.likes.count(), post.comments.shown().count())


def test_nobody_shows_or_reports_what_its_owner_has_made_private(people, tracks, boss):
    private = ["Harbour Lights", "Market Day"]
    Track.objects.filter(title__in=private).update(is_public=False)
    community.gather(people, {track.title: track for track in Track.objects.all()}, boss)
    posts = Post.objects.filter(track__title__in=private)
    assert set(posts.values_list("author__profile__username", flat=True)) == {"mira", "june"}
    assert not Report.objects.filter(reason="rights").exists()


def test_without_staff_and_without_generated_tracks_there_is_a_community_still(people, tracks):
    uploaded = {title: track for title, track in tracks.items() if title not in {row[2] for row in seed.GENERATED}}
    assert community.gather(people, uploaded, None)
    assert not Post.objects.filter(track__title="Neon Rain on Tin Roofs").exists()
    assert Post.objects.exists() and not Decision.objects.exists() and not Import.objects.exists()
