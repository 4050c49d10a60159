"""Plays by day on the track's page and in the admin: drawn, said in words, and only for who may know."""

import datetime as dt
import re

import pytest
from django.utils import timezone

from apps.catalog.admin.plays import plays_panel
from apps.catalog.models import PlayDay, Track
from tests.make import make_playable, make_track

pytestmark = pytest.mark.django_db


def make_heard(owner) -> Track:
    track = make_track(owner)
    today = timezone.now().date()
    for days, number in ((0, 3), (2, 8), (400, 5)):
        PlayDay.objects.create(track=track, day=today - dt.timedelta(days=days), plays=number)
    Track.objects.filter(pk=track.pk).update(play_count=16)
    return Track.objects.get(pk=track.pk)


def test_the_owner_sees_bars_and_the_same_as_a_table(as_, ana):
    shown = as_(ana).get(f"/tracks/{make_heard(ana).pk}").content.decode()
    assert "16 plays in all, 11 in the last 30 days" in shown
    assert shown.count('class="chart-bar"') == 2 and shown.count('class="chart-day"') == 30
    assert "11 in 30 days, at most 8" in shown and shown.count('<th scope="row">') == 30


def test_strangers_and_visitors_see_no_chart(as_, ana, bob, mod):
    track = make_heard(ana)
    for user, there in ((bob, False), (None, False), (mod, True)):
        assert ("Plays by day" in as_(user).get(f"/tracks/{track.pk}").content.decode()) is there


def test_what_nobody_played_says_so_and_draws_nothing(as_, ana):
    shown = as_(ana).get(f"/tracks/{make_track(ana).pk}").content.decode()
    assert "Nobody has played it yet." in shown and "<figure" not in shown


def test_the_admins_panel_shows_the_same_to_who_may_know(rf, ana, bob):
    track, request = make_heard(ana), rf.get("/")
    request.user = ana
    panel = plays_panel(request, track)
    assert 'class="chart-bar"' in panel
    assert not re.search(r'class="([^"]* )?chart[ "]', panel), "the admin's theme draws on every .chart, and fails here"
    request.user = bob
    assert plays_panel(request, track) == ""


def test_the_player_knows_where_to_report_a_play(as_, ana):
    track = make_playable(ana)
    assert f'data-plays="/api/v1/tracks/{track.pk}/plays"' in as_(None).get("/").content.decode()
