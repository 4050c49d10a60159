"""Playlists on pages of tracks and people, which know nothing of them."""

from django import template

from apps.playlists.models import Playlist
from apps.playlists.views.pages import newest

register = template.Library()

OFFERED, OF_A_PERSON = 100, 24


@register.filter
def art(playlist: Playlist) -> str:
    """The classes of a cover for a playlist that has none, as tracks have them."""
    return f"hue-{playlist.pk.int % 12} shape-{playlist.pk.int // 12 % 4}"


@register.inclusion_tag("playlists/_add.html", takes_context=True)
def add_to_playlist(context, track) -> dict:
    """The menu that puts a track into one of the visitor's playlists; nothing for who is not signed in."""
    user = context["user"]
    mine = Playlist.objects.none()
    if user.is_authenticated:
        rows = Playlist.objects.fillable_by(user)
        mine = rows.filter(rows.mine_rule(user)).order_by("-updated_at")[:OFFERED]
    return {"track": track, "playlists": mine, "user": user, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("playlists/_cards.html", takes_context=True)
def playlists_of(context, person) -> dict:
    """What somebody shows to everybody."""
    return {"playlists": newest(Playlist.objects.public().of(person))[:OF_A_PERSON], "heading": "Playlists"}
