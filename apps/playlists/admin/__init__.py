"""The admin's pages of playlists."""

from apps.playlists.admin import imports, playlists

__all__ = ["imports", "playlists"]
