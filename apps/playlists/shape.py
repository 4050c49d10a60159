"""The one shape of a playlist and of an entry (S0-12): declared here, built by the database, the same at every door.

An entry shows its track as `catalog.cards` declares it, to who sees the track; to others it is an opaque stub that
keeps its place, and no count has it.
"""

import datetime as dt
import json
from collections.abc import Iterable
from uuid import UUID

from apps.catalog import cards
from apps.catalog.models import Track
from apps.lib.shape import (
    ADDRESS,
    ID,
    MOMENT,
    SWITCH,
    TEXT,
    WHOLE,
    Field,
    Shape,
    built,
    list_of,
    moment,
    object_of,
    or_null,
    run,
    within,
)
from apps.playlists.models import Playlist

# Every value of the statement stands here, in this order: ids, what `access.py` of tracks says of the viewer, who that
# is, base. Of somebody who is not signed in the key is null.
ROOT = """unnest(%s::uuid[]) WITH ORDINALITY AS asked(id, place)
JOIN playlists_playlist AS playlist ON playlist.id = asked.id
CROSS JOIN LATERAL (
    SELECT count(*) AS tracks FROM playlists_entry JOIN catalog_track ON catalog_track.id = track_id
    WHERE playlist_id = playlist.id AND {seen}) AS heard
CROSS JOIN (SELECT %s::uuid AS viewer, %s::text AS base) AS given"""
SOURCES = {
    "owner": cards.person_of("playlist.owner_id"),
    "member": "LEFT JOIN playlists_member AS member ON member.playlist_id = playlist.id AND member.user_id = viewer",
    "cover": "LEFT JOIN playlists_cover AS cover ON cover.playlist_id = playlist.id",
}


def _cover() -> str:
    return f"CASE WHEN cover.id IS NOT NULL THEN {cards.address('playlist-cover', cards.NOBODY, 'playlist.id')} END"


def _plain(name: str, schema: dict, **options) -> Field:
    return Field(name, f"playlist.{name}", schema, **options)


FIELDS = (
    _plain("id", ID),
    _plain("name", TEXT),
    _plain("description", TEXT),
    Field("owner", lambda: cards.person("playlist.owner_id"), cards.PERSON_SCHEMA, ("owner",)),
    _plain("is_public", SWITCH),
    _plain("is_collaborative", SWITCH, help="Members who are editors add and move tracks."),
    Field("cover_url", _cover, or_null(ADDRESS), ("cover",)),
    Field(
        "cover_image_url", lambda: f"coalesce({_cover()}, nullif(playlist.cover_image_url, ''))", or_null(TEXT),
        ("cover",), help="The same; without one, where it was before pictures were kept here.",
    ),
    Field("track_count", "heard.tracks", WHOLE, help="Of those that you see."),
    _plain("version", WHOLE, help="One more with every change of its entries."),
    Field(
        "role", "CASE WHEN playlist.owner_id = viewer THEN 'owner' ELSE member.role END",
        or_null(TEXT), ("member",), help="What you are in it: `owner`, `editor`, `viewer`, or null.",
    ),
    Field("created_at", moment("playlist.created_at"), MOMENT),
    Field("updated_at", moment("playlist.updated_at"), MOMENT),
)  # fmt: skip
SHAPE = Shape(root=ROOT, sources=SOURCES, fields=FIELDS, expands={})

# name → (SQL over `entry`, schema)
ENTRY = {
    "id": ("entry.entry_id", ID),
    "track_id": ("entry.seen", or_null(ID)),
    "position": ("entry.place - 1", {**WHOLE, "description": "from 0 on, without gaps"}),
    "added_at": (moment("entry.added_at"), MOMENT),
    "added_by": ("CASE WHEN entry.seen IS NOT NULL THEN adder.username END", or_null(TEXT)),
    "hidden": ("entry.seen IS NULL", {**SWITCH, "description": "Its track is not for you: only its place is shown."}),
    "track": ("entry.card", {"type": "object"}),
}
_ENTRY_SCHEMA = object_of({name: schema for name, (_, schema) in ENTRY.items()})
# The entries of one playlist in their order, some of them or all; values: those of `shown`.
ENTRIES = f"""SELECT entry.place, {built({name: sql for name, (sql, _) in ENTRY.items()}, _ENTRY_SCHEMA)}
FROM ({{shown}}) AS entry LEFT JOIN accounts_profile AS adder ON adder.user_id = entry.added_by_id"""
PLACED = """(SELECT id AS entry_id, track_id AS id, added_at, added_by_id,
    row_number() OVER (ORDER BY position) AS place FROM playlists_entry WHERE playlist_id = %s)"""
ALL = f"{PLACED} AS asked"
SOME = f"(SELECT * FROM {PLACED} AS placed WHERE entry_id = ANY(%s)) AS asked"


def entry_schema() -> dict:
    """Asked for when apps above have said what they tell of a track."""
    return object_of(_ENTRY_SCHEMA["properties"] | {"track": or_null(cards.SHAPE.schema())})


def whole_schema() -> dict:
    """Of a playlist with its `tracks`."""
    return object_of({**SHAPE.schema()["properties"], "tracks": list_of(entry_schema())})


def read(ids: Iterable[UUID], *, viewer, base: str) -> list[str]:
    """JSON of each playlist in the order of `ids`, which the caller took from `visible_to(viewer)`."""
    statement, values = _playlists(list(ids), viewer, base)
    return run(statement, values)


def whole(pk: UUID, *, viewer, base: str, now: dt.datetime | None = None) -> tuple[str, int] | None:
    """JSON of a playlist with all its entries, and its version, for who was let through to it; None when it is gone.

    One statement: what is told belongs together, whoever writes meanwhile.
    """
    head, head_values = _playlists([pk], viewer, base)
    rows, values = _entries(ALL, [pk], viewer, base, now)
    both = f"SELECT 0 AS place, ({head}) AS json UNION ALL {rows}"
    playlist, *entries = run(f"SELECT json FROM ({both}) AS rows ORDER BY place", [*head_values, *values])
    if playlist is None:
        return None
    return f'{playlist[:-1]},"tracks":[{",".join(entries)}]}}', json.loads(playlist)["version"]


def entries(pk: UUID, ids: Iterable[UUID], *, viewer, base: str, now: dt.datetime | None = None) -> list[str]:
    """JSON of these entries of a playlist, in its order, with their places in it."""
    rows, values = _entries(SOME, [pk, list(ids)], viewer, base, now)
    return run(f"SELECT json FROM ({rows}) AS entries (place, json) ORDER BY place", values)


def _playlists(ids: list[UUID], viewer, base: str) -> tuple[str, list]:
    rows = Track.objects.all()
    seen, values = rows.as_condition(rows.view_rule(viewer) & rows.live_rule())
    return SHAPE.statement(None, frozenset(), seen=seen), [ids, *values, viewer.pk, within(base)]


def _entries(asked: str, asked_values: list, viewer, base: str, now: dt.datetime | None) -> tuple[str, list]:
    shown, values = cards.beside(asked, asked_values, viewer=viewer, base=base, now=now)
    return ENTRIES.replace("{shown}", shown), values


def _in_public_playlists() -> str:
    """In how many playlists that everybody sees: of others nobody learns by counting."""
    rows = Playlist.objects.all()
    public, _ = rows.as_condition(rows.public_rule())
    return f"""(SELECT count(*) FROM playlists_entry JOIN playlists_playlist ON playlists_playlist.id = playlist_id
        WHERE track_id = catalog_track.id AND {public})"""


cards.extend_stats("playlist_count", _in_public_playlists)
