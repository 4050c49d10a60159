"""What the separation of tracks from posts would do, whether it did it, and what became of everything (S0-35).

Plain figures by name, asked of the database as it is; nothing here changes anything.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from apps.lib import batches, ddl
from apps.social import oldshape, separation, wayback

SHOWN = 20
# Rows a second of the bench on two cores, for the estimate alone.
POSTS_A_SECOND, ENTRIES_A_SECOND = 9_000, 100_000

AUDIO = "post_type = 'audio'"
FILES = f"SELECT DISTINCT author_id, audio_url FROM social_post WHERE {AUDIO} AND social_old_url(audio_url) IS NOT NULL"
# What is found in the old shape, by name.
PLAN = {
    "posts": "SELECT count(*) FROM social_post",
    "audio posts": f"SELECT count(*) FROM social_post WHERE {AUDIO}",
    "text posts": "SELECT count(*) FROM social_post WHERE post_type = 'text'",
    "tracks to make": f"SELECT count(*) FROM ({FILES}) AS files",
    "posts that share a track": f"""SELECT count(*) - (SELECT count(*) FROM ({FILES}) AS files) FROM social_post
        WHERE {AUDIO} AND social_old_url(audio_url) IS NOT NULL""",
    "audio posts without an address": f"""SELECT count(*) FROM social_post
        WHERE {AUDIO} AND (audio_url ~ '[^[:space:]]') IS NOT TRUE""",
    "audio posts with an address that leads nowhere": f"""SELECT count(*) FROM social_post
        WHERE {AUDIO} AND audio_url ~ '[^[:space:]]' AND social_old_url(audio_url) IS NULL""",
    "names to mend": f"""SELECT count(*) FROM social_post WHERE {AUDIO} AND social_old_url(audio_url) IS NOT NULL
        AND audio_filename IS DISTINCT FROM social_old_title(audio_filename, created_at)""",
    "durations that are none": f"SELECT count(*) FROM social_post WHERE {AUDIO} AND audio_duration <= 0",
    "playlist entries": "SELECT count(*) FROM playlists_entry",
    "entries of text posts": """SELECT count(*) FROM playlists_entry AS entry JOIN social_post AS post
        ON post.id = entry.track_id WHERE post_type = 'text'""",
    "entries of missing posts": """SELECT count(*) FROM playlists_entry AS entry LEFT JOIN social_post AS post
        ON post.id = entry.track_id WHERE post.id IS NULL""",
    "playlists with a position twice or below 0": """SELECT count(DISTINCT playlist_id) FROM (SELECT playlist_id
        FROM playlists_entry GROUP BY playlist_id, position HAVING count(*) > 1 OR position < 0) AS crowded""",
}  # fmt: skip

# The four questions of S0-35 and what else must hold: how many there are against it.
AGAINST = {
    "orphaned_audio_posts": """SELECT count(*) FROM social_post AS post LEFT JOIN catalog_track AS track
        ON track.id = post.track_id WHERE post_type = 'audio' AND track.id IS NULL""",
    "invalid_playlist_tracks": """SELECT count(*) FROM playlists_entry AS entry LEFT JOIN catalog_track AS track
        ON track.id = entry.track_id WHERE track.id IS NULL""",
    "text_posts_with_a_track": "SELECT count(*) FROM social_post WHERE post_type = 'text' AND track_id IS NOT NULL",
    "moved_posts_without_their_track": """SELECT count(*) FROM social_postmove AS move LEFT JOIN catalog_track AS track
        ON track.id = move.track_id WHERE fate IN ('moved', 'shared') AND track.id IS NULL""",
    "moved_tracks_without_a_source": """SELECT count(*) FROM social_postmove AS move LEFT JOIN catalog_providersource
        AS source ON source.track_id = move.track_id WHERE fate = 'moved' AND source.id IS NULL""",
    "moved_tracks_without_history": """SELECT count(*) FROM social_postmove AS move LEFT JOIN catalog_change AS change
        ON change.track_id = move.track_id AND action = 'I' WHERE fate = 'moved' AND change.id IS NULL""",
    "set_apart_posts_with_a_track": """SELECT count(*) FROM social_postmove AS move JOIN social_post AS post
        ON post.id = move.post_id WHERE fate IN ('no_url', 'bad_url') AND post.track_id IS NOT NULL""",
    "entries_here_and_left_out": """SELECT count(*) FROM playlists_entrymove AS move JOIN playlists_entry AS entry
        ON entry.id = move.entry_id WHERE fate NOT IN ('repointed', 'replaced')""",
}
# Asked while the old columns are there.
AGAINST_OLD = {
    "posts_of_another_file_than_their_track": """SELECT count(*) FROM social_postmove AS move
        JOIN social_post AS post ON post.id = move.post_id AND post.track_id = move.track_id
        JOIN catalog_providersource AS source ON source.track_id = post.track_id
        WHERE source.audio_url <> post.audio_url AND source.audio_url <> social_old_url(post.audio_url)""",
}
COUNTS = {
    "posts": "SELECT count(*) FROM social_post",
    "audio_posts": "SELECT count(*) FROM social_post WHERE post_type = 'audio'",
    "tracks": "SELECT count(*) FROM catalog_track",
    "moved_tracks": "SELECT count(*) FROM social_postmove WHERE fate = 'moved'",
    "playlist_tracks": "SELECT count(*) FROM playlists_entry",
    # Of posts that were deleted, or became texts, since.
    "unreferenced_tracks": """SELECT count(*) FROM social_postmove AS move LEFT JOIN social_post AS post
        ON post.track_id = move.track_id WHERE fate = 'moved' AND post.id IS NULL""",
}

SET_APART_DROPPED = """SELECT post_id, fate, mended FROM social_postmove WHERE fate IN ('no_url', 'bad_url')
    ORDER BY post_id LIMIT %s"""
SAID = ", ".join(f"'{column}', {column}" for column in oldshape.COLUMNS)
SET_APART = f"""SELECT post_id, fate, jsonb_strip_nulls(jsonb_build_object({SAID}))
    FROM social_postmove LEFT JOIN social_post ON id = post_id WHERE fate IN ('no_url', 'bad_url')
    ORDER BY post_id LIMIT %s"""


@dataclass
class Verified:
    """`against`: rows that break each rule, all must be 0. `posts`, `entries`: what came in, by what became of it."""

    against: dict[str, int]
    counts: dict[str, int]
    posts: dict[str, int]
    entries: dict[str, int]
    open_again: list[dict[str, Any]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not any(self.against.values())


def number(statement: str) -> int:
    return ddl.asked(statement)[0][0]


def is_moved() -> bool:
    return ddl.has_constraint(*separation.HAS_TRACK[:2])


def is_dropped() -> bool:
    return not ddl.has_column("social_post", oldshape.COLUMNS[0])


def plan() -> dict[str, Any]:
    """What the migration finds, in the old shape; raises Unfinished when it is not the shape any more."""
    if ddl.has_column("social_post", "track_id"):
        raise separation.Unfinished("The move has begun: `separation report` tells how far it is.")
    with batches.unhurried(), separation.words():
        found = {what: number(statement) for what, statement in PLAN.items()}
        hosts = separation.used_hosts()
    found["hosts"] = [{"host": h, "posts": n, "allowed": s >= separation.HOST_SHARE} for h, n, s in hosts]
    seconds = found["posts"] / POSTS_A_SECOND + found["playlist entries"] / ENTRIES_A_SECOND
    return {**found, "about how many seconds": round(seconds, 1)}


def verify() -> Verified:
    """The questions of S0-35 with their numbers, and where every old post and entry went."""
    with batches.unhurried():
        return _verified()


def _verified() -> Verified:
    if not ddl.has_table("social_postmove") or not ddl.has_table("playlists_entrymove"):
        raise separation.Unfinished(
            "Nothing has been moved yet: run `migrate`, or `separation plan` to see what it will do."
        )
    questions = AGAINST if is_dropped() else AGAINST | AGAINST_OLD
    against = {name: number(statement) for name, statement in questions.items()}
    against["posts_unaccounted"], posts = _posts()
    entries = _entries()
    counts = {name: number(statement) for name, statement in COUNTS.items()}
    return Verified(against, counts, posts, entries, _obstacles())


def _posts() -> tuple[int, dict[str, int]]:
    """How many are in no class; and posts by what became of them, apart what came or went since."""
    fates = dict(ddl.asked("SELECT fate, count(*) FROM social_postmove GROUP BY fate"))
    gone = number(
        "SELECT count(*) FROM social_postmove AS move WHERE NOT EXISTS (SELECT FROM social_post WHERE id = post_id)"
    )
    since = dict(
        ddl.asked("""SELECT post_type, count(*) FROM social_post AS post
        WHERE NOT EXISTS (SELECT FROM social_postmove WHERE post_id = post.id) GROUP BY post_type""")
    )
    found = {
        **{fate: fates.get(fate, 0) for fate in ("moved", "shared", "no_url", "bad_url")},
        "text": since.get("text", 0) + fates.get("leftover", 0), "of_tracks_since": since.get("audio", 0),
        "deleted_since": gone,
    }  # fmt: skip
    total = sum(found.values()) - 2 * gone
    return abs(number("SELECT count(*) FROM social_post") - total), found


def _entries() -> dict[str, int]:
    fates = dict(ddl.asked("SELECT fate, count(*) FROM playlists_entrymove GROUP BY fate"))
    here = number("""SELECT count(*) FROM playlists_entry AS entry
        WHERE NOT EXISTS (SELECT FROM playlists_entrymove WHERE entry_id = entry.id)""")
    kinds = ("repointed", "replaced", "double", "text", "missing", "quarantined")
    return {"unchanged": here, **{fate: fates.get(fate, 0) for fate in kinds}}


def _obstacles() -> list[dict[str, Any]]:
    return [{"what": what, "rows": rows, "some": keys} for what, rows, keys in wayback.obstacles()]


def report(most: int = SHOWN) -> dict[str, Any]:
    """Every row that did not go as it was, by reason, `most` of each with what they said; the hosts of the files."""
    with batches.unhurried():
        return _report(most)


def _report(most: int) -> dict[str, Any]:
    verified = verify()
    provider = ddl.asked("SELECT hosts FROM catalog_provider WHERE code = %s", [oldshape.PROVIDER])
    allowed = set(provider[0][0]) if provider else set()
    hosts = [] if is_dropped() else separation.used_hosts()
    return {
        "posts": verified.posts,
        "entries": verified.entries,
        "set apart": _said(SET_APART_DROPPED if is_dropped() else SET_APART, most),
        "mended posts": _said("""SELECT post_id, fate, mended FROM social_postmove WHERE mended IS NOT NULL
            AND fate IN ('moved', 'shared') ORDER BY post_id LIMIT %s""", most),
        "entries left out": _said("""SELECT entry_id, fate, jsonb_build_object('playlist', playlist_id, 'post', post_id,
            'position', position, 'stays', kept_entry_id) FROM playlists_entrymove
            WHERE fate NOT IN ('repointed', 'replaced') ORDER BY entry_id LIMIT %s""", most),
        "mended playlists": _said(
            "SELECT playlist_id, 'mended', old FROM playlists_playlistmend ORDER BY 1 LIMIT %s", most
        ),
        "hosts": [{"host": host, "posts": posts, "allowed": host in allowed} for host, posts, _ in hosts],
        "in the way of going back": verified.open_again,
        "old columns": "dropped" if is_dropped() else "kept",
    }  # fmt: skip


def _said(statement: str, most: int) -> list[dict[str, Any]]:
    return [{"id": str(pk), "why": why, "said": json.loads(said)} for pk, why, said in ddl.asked(statement, [most])]
