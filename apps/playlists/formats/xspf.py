"""XSPF, version 1: the playlist as XML. What comes in is read as a stream, without entities and never deep."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from apps.playlists.formats.lines import LONGEST_TEXT, File, FileError, Line, cleaned, identities, line, text, too_long

NAMESPACE = "http://xspf.org/ns/0/"
DEEPEST = 30
# A tag, or the text behind it, of so many bytes: the parser takes the square of a tag's attributes.
_ENDLESS = re.compile(rb"<[^!<][^<]{262144}")
_OF_TRACK = ("location", "identifier", "title", "creator", "duration")
MOST_OF_A_KIND = 20


class _Target:
    """Collects what is read; of the rest nothing is kept, so a file costs no more memory than its tracks."""

    def __init__(self, most: int):
        self.most, self.path, self.said = most, [], ""
        self.title = self.description = ""
        self.facts: dict[str, list[str]] = {}
        self.lines: list[Line] = []

    def start(self, tag: str, attributes: dict) -> None:
        name = tag.rpartition("}")[2]
        if not self.path and (name != "playlist" or tag not in (name, f"{{{NAMESPACE}}}{name}")):
            raise FileError("PLAYLIST_FORMAT", "This XML is no XSPF playlist.")
        if len(self.path) >= DEEPEST:
            raise FileError("PLAYLIST_FORMAT", "This XML is nested too deeply for a playlist.")
        self.path.append(name)
        self.said = ""
        if self.path == ["playlist", "trackList", "track"]:
            self.facts = {}

    def data(self, piece: str) -> None:
        if len(self.said) < LONGEST_TEXT * 4:
            self.said += piece

    def end(self, tag: str) -> None:
        path, self.path = self.path, self.path[:-1]
        if path == ["playlist", "title"]:
            self.title = cleaned(self.said)
        elif path == ["playlist", "annotation"]:
            self.description = text(self.said)
        elif path[:-1] == ["playlist", "trackList", "track"] and path[-1] in _OF_TRACK:
            said = self.facts.setdefault(path[-1], [])
            if len(said) < MOST_OF_A_KIND:
                said.append(self.said.strip())
        elif path == ["playlist", "trackList", "track"]:
            self._track()

    def _track(self) -> None:
        if len(self.lines) >= self.most:
            raise too_long(self.most)
        first = {name: said[0] for name, said in self.facts.items()}
        made = line(
            title=first.get("title"),
            artist=first.get("creator"),
            duration_ms=first.get("duration"),
            location=first.get("location"),
            identities=[*self.facts.get("identifier", ()), *self.facts.get("location", ())],
        )
        self.lines.append(made)

    def close(self) -> File:
        return File(title=self.title, description=self.description, lines=self.lines)


def read(data: bytes, *, most: int) -> File:
    """FileError for what is no XSPF; a document type, and so every entity of one's own, is refused."""
    if _ENDLESS.search(data):
        raise FileError("PLAYLIST_FORMAT", "A piece of this XML is too long for a playlist.")
    try:
        parser = DefusedXMLParser(target=_Target(most), forbid_dtd=True)
        parser.feed(data)
        return parser.close()
    except DefusedXmlException as trick:
        message = "This XML declares a document type or entities, which no playlist needs. Leave them out."
        raise FileError("PLAYLIST_FORMAT", message) from trick
    except (ParseError, ValueError, LookupError) as error:
        raise FileError("PLAYLIST_FORMAT", f"This is no whole XML: {cleaned(str(error), 200)}.") from error


def write(file: File, *, hidden: int, about: dict[str, str]) -> Iterator[str]:
    """`about` are further elements of the playlist: creator, info, identifier."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<playlist version="1" xmlns="{NAMESPACE}">\n'
    yield from _elements("  ", {"title": file.title, "annotation": file.description, **about})
    if hidden:
        yield f"  <meta rel={quoteattr(about['info'] + '#hidden')}>{hidden}</meta>\n"
    yield "  <trackList>\n"
    for each in file.lines:
        yield f"    <track>\n      <location>{_escaped(each.location)}</location>\n"
        yield from (f"      <identifier>{_escaped(identity)}</identifier>\n" for identity in identities(each))
        facts = {"title": each.title, "creator": each.artist, "info": page_of(each)}
        yield from _elements("      ", {**facts, "duration": str(each.duration_ms or "")})
        yield "    </track>\n"
    yield "  </trackList>\n</playlist>\n"


def page_of(each: Line) -> str:
    """The page of what is heard at its location."""
    return each.location.replace("/api/v1/tracks/", "/tracks/").removesuffix("/stream")


def _elements(indent: str, facts: dict[str, str]) -> Iterator[str]:
    return (f"{indent}<{name}>{_escaped(said)}</{name}>\n" for name, said in facts.items() if said)


def _escaped(said: str) -> str:
    return escape(said, {"\r": "&#13;"})
