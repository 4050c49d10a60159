"""The one shape of a track (S0-12, S4-15, S4-16): declared here, built by the database, the same at every door.

Names and formats are what API users know from the systems before; addresses are of this site and check access at every
use.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from apps.catalog.keys import MODES, PITCHES, camelot
from apps.catalog.models import Credit, Track
from apps.lib.shape import (
    ADDRESS,
    DAY,
    DECIMAL,
    ID,
    MOMENT,
    NUMBER,
    SWITCH,
    TEXT,
    WHOLE,
    WORDS,
    Field,
    Shape,
    built,
    list_of,
    listed,
    literal,
    moment,
    names,
    object_of,
    or_null,
    run,
    within,
)

NOBODY = UUID(int=0)
KINDS, STATES, CREDIT_ROLES = Track.Kind.values, Track.machine.states, Credit.Role.values
ASKED = "unnest(%s::uuid[]) WITH ORDINALITY AS asked(id, place)"
# Every value of the statement stands here, in this order: what is asked for, what `access.py` says of the viewer, base,
# now.
ROOT = """{asked} {join} catalog_track ON catalog_track.id = asked.id AND {seen}
CROSS JOIN LATERAL (SELECT {playable} AS playable, {editable} AS editable) AS may
CROSS JOIN (SELECT %s::text AS base, %s::timestamptz AS now) AS given"""
ROLES = ("original", "audio", "preview", "cover", "video", "waveform")


def _files() -> str:
    """Every file of the track in one row; what is served is the smaller copy, or else the original (S0-14)."""
    there = ", ".join(f"bool_or(role = '{role}') AS {role}" for role in ROLES)
    facts = {
        "size": "size", "mime": "mime", "ratio": "compression_ratio",
        "saved": "coalesce(nullif(original_file_size, 0), size) - size", "lufs": "loudness_lufs",
        "peak": "true_peak_dbtp",
    }  # fmt: skip
    of = [
        f"max({sql}) FILTER (WHERE role = '{role}') AS {role}_{name}"
        for role in ("original", "audio")
        for name, sql in facts.items()
    ]
    return f"""LEFT JOIN LATERAL (
    SELECT {there}, {", ".join(of)}, bool_or(compression_applied AND role = 'audio') AS compressed
    FROM catalog_trackfile JOIN catalog_blob ON catalog_blob.id = blob_id
    WHERE track_id = catalog_track.id) AS files ON true"""


def person_of(column: str) -> str:
    """Joins whom the column names, for `person`."""
    return f"""LEFT JOIN accounts_profile AS profile ON profile.user_id = {column}
LEFT JOIN accounts_avatar AS avatar ON avatar.user_id = {column}"""


SOURCES = {
    "owner": person_of("catalog_track.owner_id"),
    "source": "LEFT JOIN catalog_providersource AS source ON source.track_id = catalog_track.id",
    "files": _files(),
}


def address(route: str, argument, sql: str) -> str:
    """SQL of an address whose one argument is an expression."""
    before, _, after = reverse(route, args=[argument]).partition(str(argument))
    return f"given.base || {literal(before)} || {sql}" + (f" || {literal(after)}" if after else "")


def _at(role: str, when: str) -> Callable[[], str]:
    """Where the track's file is played or seen, or null."""
    return lambda: f"CASE WHEN {when} THEN {address(f'track-{role}', NOBODY, 'catalog_track.id')} END"


def person(column: str) -> str:
    """Whom the column names as everybody sees them (PERSON_SCHEMA), or null."""
    picture = f"CASE WHEN avatar.id IS NOT NULL THEN {address('avatar', '0' * 64, 'avatar.sha256')} END"
    name = "coalesce(nullif(profile.display_name, ''), profile.username)"
    pairs = {"id": column, "username": "profile.username", "display_name": name, "avatar_url": picture}
    return f"CASE WHEN {column} IS NOT NULL THEN {built(pairs, PERSON_SCHEMA)} END"


def _distinct(column: str, table: str) -> str:
    return f"ARRAY(SELECT DISTINCT {column} FROM {table} WHERE track_id = catalog_track.id ORDER BY {column})"


def _lives(url: str) -> str:
    """The provider still gives this file: to who gets the full track."""
    return f"(source.{url} <> '' AND source.expires_at > given.now)"


def _or(sql: str, otherwise: str) -> str:
    return f"coalesce({sql}, {otherwise})"


def _kept() -> str:
    """C-14: true only when every asset the provider has is ours."""
    pairs = (("audio_url", "original"), ("cover_url", "cover"), ("video_url", "video"))
    has = " OR ".join(f"source.{url} <> ''" for url, _ in pairs)
    all_kept = " AND ".join(f"(source.{url} = '' OR files.{role})" for url, role in pairs)
    return _or(f"({has}) AND {all_kept}", "false")


def _seconds(sql: str) -> str:
    return f"{sql} / 1000::float8"


_CAMELOT = {mode: ", ".join(literal(camelot(pitch, mode)) for pitch in range(12)) for mode in MODES}
_KEY = f"(ARRAY[{', '.join(map(literal, PITCHES))}])[pitch_class + 1]"
_CAMELOT_CODE = "CASE mode " + " ".join(
    f"WHEN '{mode}' THEN (ARRAY[{codes}])[pitch_class + 1]" for mode, codes in _CAMELOT.items()
) + " END"  # fmt: skip
_SERVED_SIZE = "coalesce(files.audio_size, files.original_size)"
_COMPRESSION = {
    "original_file_size": "files.original_size",
    "compression_ratio": "coalesce(files.audio_ratio, files.original_ratio, 1)::numeric(12, 2)::text",
    "compression_applied": "coalesce(files.compressed, false)",
    "compression_savings": "coalesce(files.audio_saved, files.original_saved, 0)",
}
_COMPRESSION_SCHEMA = {
    "original_file_size": {**or_null(WHOLE), "description": "bytes of the original"},
    "compression_ratio": {**DECIMAL, "description": "original / served size"},
    "compression_applied": SWITCH,
    "compression_savings": {**WHOLE, "description": "bytes"},
}
PERSON_SCHEMA = object_of(
    {"id": ID, "username": or_null(TEXT), "display_name": or_null(TEXT), "avatar_url": or_null(ADDRESS)}
)
SOURCE_SCHEMA = object_of({"provider": TEXT, "provider_track_id": TEXT, "generated_at": MOMENT, "expires_at": MOMENT})
_SOURCE = {
    "provider": "source.provider_id", "provider_track_id": "source.provider_track_id",
    "generated_at": moment("source.generated_at"), "expires_at": moment("source.expires_at"),
}  # fmt: skip
# What is told of a track's reception; apps above add to it.
_stats: dict[str, tuple[str | Callable[[], str], dict]] = {"play_count": ("catalog_track.play_count", WHOLE)}


def _plain(name: str, schema: dict, **options) -> Field:
    return Field(name, f"catalog_track.{name}", schema, **options)


def _stats_field() -> Field:
    schema = object_of({name: schema for name, (_, schema) in _stats.items()})
    return Field("stats", lambda: built(_told(), schema), schema)


def _told() -> dict[str, str]:
    return {name: sql if isinstance(sql, str) else sql() for name, (sql, _) in _stats.items()}


def _choice(values: Sequence[str]) -> dict:
    return {**TEXT, "enum": list(values)}


FIELDS = (
    _plain("id", ID),
    _plain("kind", _choice(KINDS)),
    _plain("status", _choice(STATES)),
    _plain("title", TEXT),
    _plain("artist", TEXT),
    _plain("description", TEXT),
    Field(
        "owner", lambda: person("catalog_track.owner_id"), or_null(PERSON_SCHEMA), ("owner",),
        help="Null for the house's own library.",
    ),
    _plain("is_public", SWITCH),
    _plain("is_pro_only", SWITCH),
    _plain("genre", TEXT),
    _plain("subgenre", TEXT),
    Field("tempo", "catalog_track.tempo::text", or_null(DECIMAL), help="BPM"),
    Field("key", _or(_KEY, "''"), _choice(["", *PITCHES])),
    Field("scale", "catalog_track.mode", _choice(["", *MODES])),
    Field("camelot", _or(_CAMELOT_CODE, "''"), TEXT, help="`8B` for C major; empty when key or scale is unknown."),
    _plain("mood", WORDS),
    _plain("tags", WORDS),
    _plain("catalog_number", TEXT),
    _plain("isrc", TEXT),
    _plain("release_date", or_null(DAY)),
    Field("popularity_score", "catalog_track.popularity_score::text", DECIMAL),
    _plain("play_count", WHOLE),
    Field("duration", _seconds("catalog_track.duration_ms"), or_null(NUMBER), help="seconds"),
    _plain("duration_ms", or_null(WHOLE)),
    Field("creators", _distinct("name", "catalog_credit"), WORDS, help="Names of all who have a part in it."),
    Field("instruments", _distinct("category", "catalog_instrument"), WORDS),
    _plain("clearance", _choice(Track.Clearance.values)),
    _plain("clearance_reasons", WORDS),
    Field(
        "file_url",
        _at("stream", f"may.playable AND (files.audio OR files.original OR {_lives('audio_url')})"),
        or_null(ADDRESS), ("files", "source"),
        help="Plays the full file (S3-07: ours when archived, else the provider's); null for who gets the preview.",
    ),
    Field("preview_url", _at("preview", "files.preview"), or_null(ADDRESS), ("files",)),
    Field("waveform_url", _at("waveform", "files.waveform"), or_null(ADDRESS), ("files",)),
    Field(
        "cover_url",
        _at("cover", f"files.cover OR (may.playable AND {_lives('cover_url')})"),
        or_null(ADDRESS), ("files", "source"),
    ),
    Field(
        "video_url",
        _at("video", f"may.playable AND (files.video OR {_lives('video_url')})"),
        or_null(ADDRESS), ("files", "source"),
    ),
    Field("file_size", _SERVED_SIZE, or_null(WHOLE), ("files",), help="bytes of the file that plays"),
    Field("mime_type", "coalesce(files.audio_mime, files.original_mime)", or_null(TEXT), ("files",)),
    *(Field(name, sql, _COMPRESSION_SCHEMA[name], ("files",)) for name, sql in _COMPRESSION.items()),
    Field(
        "compression", built(_COMPRESSION, object_of(_COMPRESSION_SCHEMA)), object_of(_COMPRESSION_SCHEMA), ("files",)
    ),
    Field(
        "loudness_lufs", "files.original_lufs::text", or_null(DECIMAL), ("files",),
        help="Integrated loudness of the original by EBU R 128; null until it is measured.",
    ),
    Field(
        "true_peak_dbtp", "files.original_peak::text", or_null(DECIMAL), ("files",),
        help="Its highest peak, also between samples; null of silence.",
    ),
    _stats_field(),
    Field(
        "source", f"CASE WHEN may.playable AND source.id IS NOT NULL THEN {built(_SOURCE, SOURCE_SCHEMA)} END",
        or_null(SOURCE_SCHEMA), ("source",), help="Null for who gets the preview: it leads to the full file.",
    ),
    Field("archived_to_storage", _kept(), SWITCH, ("files", "source")),
    Field(
        "storage_audio_url", _at("stream", "may.playable AND source.id IS NOT NULL AND files.original"),
        or_null(ADDRESS), ("files", "source"),
    ),
    Field(
        "storage_cover_url", _at("cover", "source.id IS NOT NULL AND files.cover"),
        or_null(ADDRESS), ("files", "source"),
    ),
    Field(
        "storage_video_url", _at("video", "may.playable AND source.id IS NOT NULL AND files.video"),
        or_null(ADDRESS), ("files", "source"),
    ),
    Field("created_at", moment("catalog_track.created_at"), MOMENT),
    Field("updated_at", moment("catalog_track.updated_at"), MOMENT),
)  # fmt: skip

SECTION = {
    "id": ("part.id", ID),
    "section": ("part.name", TEXT),
    "startTime": (_seconds("part.start_ms"), {**NUMBER, "description": "seconds"}),
    "endTime": (_seconds("part.end_ms"), {**NUMBER, "description": "seconds"}),
    "start_ms": ("part.start_ms", WHOLE),
    "end_ms": ("part.end_ms", WHOLE),
    "description": ("part.description", TEXT),
}
_FOR_EDITORS = {**or_null(TEXT), "description": "For who may edit the track; null for others."}
CREDIT = {
    "id": ("part.id", ID),
    "name": ("part.name", TEXT),
    "role": ("part.role", _choice(CREDIT_ROLES)),
    "ipi": ("part.ipi", TEXT),
    "pro": ("part.pro", TEXT),
    "split": ("part.split::text", {**or_null(DECIMAL), "description": "percent"}),
    "contact_email": ("CASE WHEN may.editable THEN part.contact_email END", _FOR_EDITORS),
    "contact_phone": ("CASE WHEN may.editable THEN part.contact_phone END", _FOR_EDITORS),
}
INSTRUMENT = {
    "id": ("part.id", ID),
    "category": ("part.category", TEXT),
    "type": ("part.type", TEXT),
    "is_primary": ("part.is_primary", SWITCH),
}
SAMPLE = {
    "id": ("part.id", ID),
    "pack_name": ("part.pack_name", TEXT),
    "description": ("part.description", TEXT),
    "is_cleared": ("part.is_cleared", SWITCH),
    "clearance_notes": ("part.clearance_notes", TEXT),
}


def _parts(name: str, declared: dict[str, tuple[str, dict]], table: str, order: str) -> Field:
    pairs, schema = {key: sql for key, (sql, _) in declared.items()}, part_schema(declared)
    rows = f"{table} AS part WHERE track_id = catalog_track.id"
    return Field(name, listed(pairs, schema, order=order, of=rows), list_of(schema))


def part_schema(declared: dict[str, tuple[str, dict]]) -> dict:
    return object_of({key: schema for key, (_, schema) in declared.items()})


# `?expand=sections` gives `arrangement`, and so on: the names of S4-16. Each embeds what the part's own address gives.
EXPANDS = {
    "sections": _parts("arrangement", SECTION, "catalog_section", "part.start_ms"),
    "credits": _parts("creators", CREDIT, "catalog_credit", "part.id"),
    "instruments": _parts("instruments", INSTRUMENT, "catalog_instrument", "part.is_primary DESC, part.id"),
    "samples": _parts("samples", SAMPLE, "catalog_sample", "part.id"),
}
SHAPE = Shape(root=ROOT, sources=SOURCES, fields=FIELDS, expands=EXPANDS)
KNOWN_FIELDS = SHAPE.names
KNOWN_EXPANDS = frozenset(EXPANDS)
# What one track always brings with it (S4-16).
WHOLE_TRACK = frozenset({"sections", "credits", "instruments"})


def extend_stats(name: str, sql: str | Callable[[], str]) -> None:
    """A count that an app above keeps of a track, such as `playlist_count`: SQL over `catalog_track`.

    Said in the app's `shape` module, which is imported when all models are there.
    """
    _stats[name] = (sql, WHOLE)
    SHAPE.add(_stats_field())


def asked(params: Mapping[str, str]) -> tuple[frozenset[str] | None, frozenset[str]]:
    """`fields` and `expand` of a query string, for `read`. Refusal: INVALID with the known ones."""
    fields = names(params.get("fields"), KNOWN_FIELDS, "fields") or None
    return fields, names(params.get("expand"), KNOWN_EXPANDS, "expand")


def read(
    ids: Iterable[UUID],
    *,
    viewer,
    base: str,
    fields: frozenset[str] | None = None,
    expand: frozenset[str] = frozenset(),
    now: dt.datetime | None = None,
) -> list[str]:
    """JSON of each track in the order of `ids`, which the caller took from `visible_to(viewer)`.

    `base` is the site's origin without a slash at its end. One statement, whatever is asked.
    """
    pieces, values = _may(viewer)
    statement = SHAPE.statement(fields, expand, asked=ASKED, join="JOIN", seen="true", **pieces)
    asked_for = f"{{{','.join(map(str, ids))}}}"  # an array in one text: one by one they take longer to send
    return run(statement, [asked_for, *values, within(base), now or timezone.now()])


def embedded(
    asked: str,
    values: Sequence,
    *,
    viewer,
    base: str,
    fields: frozenset[str] | None = None,
    now: dt.datetime | None = None,
) -> tuple[str, list]:
    """SQL of (id, card) and its values, for a statement that shows tracks among other things: it joins them by id.

    `asked` is a FROM item called `asked(id)` of distinct ids with its `values`. What the viewer does not see, and what
    is removed, has no card: no other row lends access to a track.
    """
    pieces, seen_values = _seen(viewer)
    sql = SHAPE.rows(fields, frozenset(), asked=asked, join="JOIN", **pieces)
    return sql, [*values, *seen_values, within(base), now or timezone.now()]


def beside(asked: str, values: Sequence, *, viewer, base: str, now: dt.datetime | None = None) -> tuple[str, list]:
    """As `embedded`, for many rows: SQL of every row of `asked`, whose `id` is a track's, with `seen` and `card`.

    `seen` is the id again and `card` the track for what the viewer sees; both are null for the rest. Nothing is joined
    behind it, which the planner would do row by row where it does not know how many there are.
    """
    pieces, seen_values = _seen(viewer)
    sql = SHAPE.beside("catalog_track.id", None, frozenset(), asked=asked, join="LEFT JOIN", **pieces)
    return sql, [*values, *seen_values, within(base), now or timezone.now()]


def _seen(viewer) -> tuple[dict[str, str], tuple]:
    """What the viewer sees and may do, as pieces of the root, and its values."""
    rows = Track.objects.all()
    seen, values = rows.as_condition(rows.view_rule(viewer) & rows.live_rule())
    pieces, may_values = _may(viewer)
    return {"seen": seen, **pieces}, (*values, *may_values)


def _may(viewer) -> tuple[dict[str, str], tuple]:
    """What `access.py` says of the viewer, as pieces of the root, and its values."""
    rows = Track.objects.all()
    playable, play_values = rows.as_condition(rows.play_rule(viewer))
    editable, edit_values = rows.as_condition(rows.edit_rule(viewer))
    return {"playable": playable, "editable": editable}, (*play_values, *edit_values)
