"""Playlist files: M3U8, XSPF and JSPF out and in, CSV in. What a file is, its content says (decision 0047)."""

from apps.playlists.formats.lines import File, Line
from apps.playlists.formats.reading import FORMS, read
from apps.playlists.formats.writing import MIMES, write

__all__ = ["FORMS", "MIMES", "File", "Line", "read", "write"]
