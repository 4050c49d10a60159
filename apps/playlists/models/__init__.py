"""Playlists: ordered lists of tracks, never of posts (S0-01, S0-09, S0-10, S4-14)."""

from apps.playlists.models.entry import Entry
from apps.playlists.models.importing import Import, ImportLine
from apps.playlists.models.moved import EntryMove, PlaylistMend
from apps.playlists.models.playlist import Cover, Member, Playlist

__all__ = ["Cover", "Entry", "EntryMove", "Import", "ImportLine", "Member", "Playlist", "PlaylistMend"]
