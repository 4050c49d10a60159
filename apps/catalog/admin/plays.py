"""Plays by day on a track's page of the admin."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from apps.catalog import plays
from apps.catalog.models import Track


def plays_panel(request: HttpRequest, track: Track) -> str:
    """The chart for who may know; else nothing, not even a heading."""
    days = plays.told_to(request.user, track)
    return render_to_string("admin/catalog/plays.html", {"track": track, "days": days}) if days else ""
