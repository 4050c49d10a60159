"""JSPF: the same playlist as JSON."""

import json
from typing import Any

from apps.playlists.formats.lines import File, FileError, Line, cleaned, identities, line, text, too_long
from apps.playlists.formats.xspf import page_of


def read(said: str, *, most: int) -> File:
    """FileError for what is no JSPF. What has a wrong type is passed over; where a list is meant, one text will do."""
    try:
        playlist = json.loads(said)["playlist"]
        tracks = playlist.get("track", [])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileError("PLAYLIST_FORMAT", "This is no JSPF: JSON with a playlist in it, and its tracks.") from error
    if not isinstance(tracks, list):
        raise FileError("PLAYLIST_FORMAT", "In this JSPF the tracks are no list.")
    if len(tracks) > most:
        raise too_long(most)
    lines = [_line(track if isinstance(track, dict) else {}) for track in tracks]
    return File(title=cleaned(playlist.get("title")), description=text(playlist.get("annotation")), lines=lines)


def _line(track: dict[str, Any]) -> Line:
    locations = _listed(track.get("location"))
    return line(
        title=track.get("title"),
        artist=track.get("creator"),
        duration_ms=track.get("duration"),
        location=locations[0] if locations else "",
        identities=[*_listed(track.get("identifier")), *locations],
    )


def _listed(said: object) -> list:
    return said[:20] if isinstance(said, list) else [said]


def write(file: File, *, hidden: int, about: dict[str, str]) -> str:
    """`about` are further members of the playlist: creator, info, identifier."""
    said = {"title": file.title, "annotation": file.description, **about}
    if hidden:
        said["meta"] = [{f"{about['info']}#hidden": str(hidden)}]
    said["track"] = [_track(each) for each in file.lines]
    return json.dumps({"playlist": _without_blanks(said, "track")}, ensure_ascii=False, indent=1)


def _track(each: Line) -> dict[str, Any]:
    facts = {"location": [each.location], "identifier": identities(each), "title": each.title, "creator": each.artist}
    return _without_blanks({**facts, "info": page_of(each), "duration": each.duration_ms})


def _without_blanks(facts: dict[str, Any], *but: str) -> dict[str, Any]:
    return {name: said for name, said in facts.items() if said or name in but}
