"""The playlists' part of `/api/v1/`."""

from apps.playlists.api import entries, files, lists, members, playlists

urls = [*lists.urls, *playlists.urls, *entries.urls, *members.urls, *files.urls]
