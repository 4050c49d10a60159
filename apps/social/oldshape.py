"""What the old audio of a post becomes, said once, in SQL: for the rows that are there and for those that still come.

An old audio post says its file itself, in the audio_* columns. The first post of a person with a file gives a track,
which takes that post's id; their later posts with the file share it. Programs of the old shape may go on while the
house moves and until `separation drop`: a trigger gives their posts a track at once, and tells them of new posts what
they look for (decisions 0040, 0041).
"""

import datetime as dt

from apps.catalog import clearance
from apps.catalog.clearance import Facts

PROVIDER = "community"
COLUMNS = ("audio_url", "audio_filename", "audio_duration", "audio_file_size", "audio_mime_type")
# Nobody told us when these files go: as good as never.
KEPT_UNTIL = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
LONGEST_TITLE, LONGEST_WORDS, LONGEST_URL = 255, 10_000, 2_000
BLANKS = r"E' \t\n\r\f\x0b\u00a0\u3000'"

_verdict = clearance.verdict(Facts(kept_until=KEPT_UNTIL), now=dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
_REASONS = f"'{{{','.join(_verdict.reasons)}}}'"
_FOREVER = f"timestamptz '{KEPT_UNTIL.isoformat()}'"

# Where the file is, when that is an address at all; and what the track is called.
WORDS = f"""
CREATE OR REPLACE FUNCTION social_old_url(url text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN length(url) <= {LONGEST_URL} AND btrim(url, {BLANKS}) ~* '^https?://[^/[:space:]]+[^[:cntrl:]]*$'
        THEN btrim(url, {BLANKS}) END;
CREATE OR REPLACE FUNCTION social_old_title(filename text, posted timestamptz) RETURNS text LANGUAGE sql STABLE
    PARALLEL SAFE RETURN coalesce(
        nullif(btrim(left(btrim(filename, {BLANKS}), {LONGEST_TITLE}), {BLANKS}), ''),
        'Audio Track - ' || to_char(posted AT TIME ZONE 'UTC', 'YYYY-MM-DD'));
"""
NO_WORDS = """
DROP FUNCTION IF EXISTS social_old_title(text, timestamptz);
DROP FUNCTION IF EXISTS social_old_url(text);
"""

# Posts of one person by their file, the first one first.
FILE = "author_id, hashtextextended(audio_url, 0)"
INDEX = ("post_old_file", f"ON social_post ({FILE}, created_at, id) WHERE post_type = 'audio'")


def same_file(one: str, other: str) -> str:
    """Whether two posts have one file; by the index."""
    return f"""{one}.post_type = 'audio' AND {one}.author_id = {other}.author_id
        AND hashtextextended({one}.audio_url, 0) = hashtextextended({other}.audio_url, 0)
        AND {one}.audio_url = {other}.audio_url"""


def track(post: str) -> str:
    """SQL that makes the track of the posts in `post`, which may be a row of a trigger."""
    return f"""
INSERT INTO catalog_track (id, created_at, updated_at, owner_id, kind, status, title, artist, description, is_public,
    is_pro_only, genre, subgenre, mode, mood, tags, catalog_number, isrc, popularity_score, play_count, duration_ms,
    clearance, clearance_reasons)
SELECT {post}.id, {post}.created_at, {post}.updated_at, {post}.author_id, 'uploaded', 'ready',
    social_old_title({post}.audio_filename, {post}.created_at), '', left({post}.content, {LONGEST_WORDS}), true,
    false, '', '', '', '{{}}', '{{}}', '', '', 0, 0,
    CASE WHEN {post}.audio_duration > 0 THEN {post}.audio_duration * 1000::bigint END,
    '{_verdict.state}', {_REASONS}"""


def source(post: str) -> str:
    """SQL of where the track plays from until the archive has brought it home."""
    return f"""
INSERT INTO catalog_providersource (id, created_at, updated_at, track_id, owner_id, provider_id, provider_track_id,
    audio_url, cover_url, video_url, generated_at, expires_at)
SELECT {post}.id, {post}.created_at, {post}.updated_at, {post}.id, {post}.author_id, '{PROVIDER}', {post}.id::text,
    social_old_url({post}.audio_url), '', '', {post}.created_at,
    greatest({_FOREVER}, {post}.created_at + interval '10 years')"""


def mended(post: str) -> str:
    """Old values of a post that its own track could not take as they were, or null."""
    return f"""
CASE WHEN {post}.audio_filename IS DISTINCT FROM social_old_title({post}.audio_filename, {post}.created_at)
        OR {post}.audio_duration <= 0 OR {post}.audio_url <> social_old_url({post}.audio_url)
        OR length({post}.content) > {LONGEST_WORDS}
    THEN nullif(jsonb_strip_nulls(jsonb_build_object(
        'audio_filename', CASE WHEN {post}.audio_filename <> social_old_title({post}.audio_filename, {post}.created_at)
            THEN {post}.audio_filename END,
        'audio_duration', CASE WHEN {post}.audio_duration <= 0 THEN {post}.audio_duration END,
        'audio_url', CASE WHEN {post}.audio_url <> social_old_url({post}.audio_url) THEN {post}.audio_url END,
        'content', CASE WHEN length({post}.content) > {LONGEST_WORDS} THEN {post}.content END)), '{{}}') END"""


def differing(post: str, first: str) -> str:
    """What a later post says otherwise of the file than the first one, or null."""
    pairs = ", ".join(
        f"'{c}', CASE WHEN {post}.{c} IS DISTINCT FROM {first}.{c} THEN to_jsonb({post}.{c}) END" for c in COLUMNS
    )
    return f"nullif(jsonb_strip_nulls(jsonb_build_object({pairs})), '{{}}')"


def set_apart(post: str) -> str:
    """SQL that keeps why an audio post is a text post now; its old columns stay as they are."""
    return f"""
INSERT INTO social_postmove (post_id, fate, mended)
SELECT {post}.id, CASE WHEN {post}.audio_url ~ '[^[:space:]]' THEN 'bad_url' ELSE 'no_url' END,
    '{{"post_type": "audio"}}'"""


# A track that was made once is remembered for the way back, whatever its post says later.
AGAIN = """ON CONFLICT (post_id) DO UPDATE SET fate = excluded.fate, track_id = excluded.track_id,
    mended = excluded.mended WHERE social_postmove.fate <> 'moved'"""
PROVIDE = f"""
INSERT INTO catalog_provider (code, name, lifetime, hosts) VALUES ('{PROVIDER}', 'Community', '3650 days', '{{}}')
ON CONFLICT DO NOTHING"""
UNPROVIDE = f"""
DELETE FROM catalog_provider WHERE code = '{PROVIDER}'
AND NOT EXISTS (SELECT FROM catalog_providersource WHERE provider_id = '{PROVIDER}')"""
SAY_DOOR = "SELECT set_config('keeptrack.door', 'migration', true), set_config('keeptrack.by', '', true)"
# What separates says so, and its own writes are left alone by the triggers.
SAY_SEPARATING = "SELECT set_config('keeptrack.separating', 'on', true)"
_FREE = "current_setting('keeptrack.separating', true) IS DISTINCT FROM 'on'"
_OLD_ROW, _NEW_ROW = (", ".join(f"{row}.{c}" for c in ("post_type", *COLUMNS)) for row in ("OLD", "NEW"))

_TELL_OLD = """
CREATE OR REPLACE FUNCTION social_tell_old(post social_post) RETURNS social_post LANGUAGE plpgsql AS $$
BEGIN
    SELECT coalesce(source.audio_url, '/api/v1/tracks/' || track.id || '/stream'), track.title,
        (track.duration_ms + 500) / 1000, blob.size, blob.mime
    INTO post.audio_url, post.audio_filename, post.audio_duration, post.audio_file_size, post.audio_mime_type
    FROM catalog_track AS track LEFT JOIN catalog_providersource AS source ON source.track_id = track.id
        LEFT JOIN catalog_trackfile AS file ON file.track_id = track.id AND file.role = 'original'
        LEFT JOIN catalog_blob AS blob ON blob.id = file.blob_id
    WHERE track.id = post.track_id;
    RETURN post;
END $$;
"""

# Two who post one file at once are let through one after the other, so that the second one sees the first one's track.
_GIVE_TRACK = f"""
CREATE OR REPLACE FUNCTION social_give_track(post social_post) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    first record;
    door text := current_setting('keeptrack.door', true);
    person text := current_setting('keeptrack.by', true);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(post.author_id || ' ' || post.audio_url, 0));
    SELECT other.* INTO first FROM social_post AS other WHERE {same_file("other", "post")} AND other.id <> post.id
        ORDER BY other.created_at, other.id LIMIT 1;
    IF first.track_id IS NOT NULL OR (first.created_at, first.id) < (post.created_at, post.id) THEN
        post.track_id := coalesce(first.track_id, first.id);
        INSERT INTO social_postmove (post_id, track_id, fate, mended)
            VALUES (post.id, post.track_id, 'shared', {differing("post", "first")})
            {AGAIN};
        RETURN post.track_id;
    END IF;
    {PROVIDE};
    PERFORM set_config('keeptrack.door', 'migration', true), set_config('keeptrack.by', '', true);
    {track("post")} ON CONFLICT (id) DO NOTHING;
    PERFORM set_config('keeptrack.door', door, true), set_config('keeptrack.by', person, true);
    {source("post")} ON CONFLICT (track_id) DO UPDATE SET audio_url = excluded.audio_url;
    INSERT INTO social_postmove (post_id, track_id, fate, mended)
        VALUES (post.id, post.id, 'moved', {mended("post")})
        ON CONFLICT (post_id) DO UPDATE SET fate = 'moved', track_id = excluded.track_id, mended = excluded.mended;
    RETURN post.id;
END $$;
"""

_SET_APART = f"""
CREATE OR REPLACE FUNCTION social_set_apart(post social_post) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    {set_apart("post")} {AGAIN};
END $$;
"""

# Another file in the post that gave a track: the track follows while it is this post's alone and no copy was made.
_FOLLOW = """
CREATE OR REPLACE FUNCTION social_follow_old(was social_post, post social_post) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    door text := current_setting('keeptrack.door', true);
    person text := current_setting('keeptrack.by', true);
BEGIN
    IF social_old_url(was.audio_url) IS DISTINCT FROM social_old_url(post.audio_url) THEN
        IF EXISTS (SELECT FROM social_post WHERE track_id = post.id AND id <> post.id)
            OR EXISTS (SELECT FROM catalog_trackfile WHERE track_id = post.id) THEN
            RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'post_old_file_stays',
                MESSAGE = 'This post gave a track that others use or that has been copied: '
                    'its file cannot become another one.',
                HINT = 'Make a new post with the new file.';
        END IF;
        UPDATE catalog_providersource SET audio_url = social_old_url(post.audio_url) WHERE track_id = post.id;
    END IF;
    PERFORM set_config('keeptrack.door', 'migration', true), set_config('keeptrack.by', '', true);
    UPDATE catalog_track SET title = social_old_title(post.audio_filename, post.created_at),
            duration_ms = CASE WHEN post.audio_duration > 0 THEN post.audio_duration * 1000::bigint END
        WHERE id = post.id AND removed_at IS NULL AND title = social_old_title(was.audio_filename, was.created_at)
            AND duration_ms IS NOT DISTINCT FROM
                CASE WHEN was.audio_duration > 0 THEN was.audio_duration * 1000::bigint END;
    PERFORM set_config('keeptrack.door', door, true), set_config('keeptrack.by', person, true);
END $$;
"""

_OLD_AUDIO = """
CREATE OR REPLACE FUNCTION social_old_audio() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.track_id IS NOT NULL THEN
        RETURN CASE WHEN NEW.audio_url IS NULL THEN social_tell_old(NEW) ELSE NEW END;
    ELSIF NEW.post_type = 'text' THEN
        NEW.track_id := NULL;
    ELSIF TG_OP = 'UPDATE' AND OLD.track_id <> NEW.id AND NEW.audio_url IS NOT DISTINCT FROM OLD.audio_url THEN
        RETURN NEW;  -- somebody else's file, still the same one: also when it is a track of this site
    ELSIF social_old_url(NEW.audio_url) IS NULL THEN
        PERFORM social_set_apart(NEW);
        NEW.track_id := NULL;
        NEW.post_type := 'text';
    ELSIF TG_OP = 'UPDATE' AND OLD.track_id = NEW.id THEN
        PERFORM social_follow_old(OLD, NEW);
    ELSIF TG_OP = 'INSERT' OR OLD.track_id IS NULL
        OR social_old_url(OLD.audio_url) IS DISTINCT FROM social_old_url(NEW.audio_url) THEN
        NEW.track_id := NULL;
        NEW.track_id := social_give_track(NEW);
    END IF;
    RETURN NEW;
END $$;
"""

# Of a removed track, a deleted post, and a person who left no word stays, here neither (C-07). After `drop` the same
# without the old columns.
_NO_AUDIO = ", ".join(f"{column} = NULL" for column in COLUMNS)
_NO_AUDIO_OF_NEW = " ".join(f"NEW.{column} := NULL;" for column in COLUMNS)


def _forget(columns: str, of_new: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION social_forget_removed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before text := current_setting('keeptrack.separating', true);
BEGIN
    UPDATE social_postmove SET mended = NULL WHERE mended IS NOT NULL
        AND post_id IN (SELECT id FROM social_post WHERE track_id = NEW.id);
    PERFORM set_config('keeptrack.separating', 'on', true);
    {columns}
    PERFORM set_config('keeptrack.separating', before, true);
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION social_forget_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE social_postmove SET mended = NULL WHERE post_id = OLD.id AND mended IS NOT NULL;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    {of_new}
    RETURN NEW;
END $$;
"""


_FORGET = _forget(f"UPDATE social_post SET {_NO_AUDIO} WHERE track_id = NEW.id;", _NO_AUDIO_OF_NEW)
FORGET_MENDED = _forget("", "")
FUNCTIONS = _TELL_OLD + _GIVE_TRACK + _SET_APART + _FOLLOW + _OLD_AUDIO + _FORGET

TRIGGERS = (
    "DROP TRIGGER IF EXISTS post_old_made ON social_post",
    f"""CREATE TRIGGER post_old_made BEFORE INSERT ON social_post FOR EACH ROW
        WHEN (NEW.post_type = 'audio' AND {_FREE}) EXECUTE FUNCTION social_old_audio()""",
    "DROP TRIGGER IF EXISTS post_old_changed ON social_post",
    f"""CREATE TRIGGER post_old_changed BEFORE UPDATE OF post_type, {", ".join(COLUMNS)} ON social_post FOR EACH ROW
        WHEN ((({_OLD_ROW}) IS DISTINCT FROM ({_NEW_ROW})) AND {_FREE})
        EXECUTE FUNCTION social_old_audio()""",
)
FORGET = (
    "DROP TRIGGER IF EXISTS track_removed_from_old ON catalog_track",
    """CREATE TRIGGER track_removed_from_old AFTER UPDATE OF status ON catalog_track FOR EACH ROW
        WHEN (NEW.status = 'removed' AND OLD.status <> 'removed') EXECUTE FUNCTION social_forget_removed()""",
)
FORGET_LEFT = (
    "DROP TRIGGER IF EXISTS post_author_left ON social_post",
    """CREATE TRIGGER post_author_left BEFORE UPDATE OF author_id ON social_post FOR EACH ROW
        WHEN (NEW.author_id IS NULL) EXECUTE FUNCTION social_forget_left()""",
    "DROP TRIGGER IF EXISTS post_deleted ON social_post",
    """CREATE TRIGGER post_deleted BEFORE DELETE ON social_post FOR EACH ROW
        EXECUTE FUNCTION social_forget_left()""",
)
NO_TRIGGERS = (
    "DROP TRIGGER IF EXISTS post_old_made ON social_post",
    "DROP TRIGGER IF EXISTS post_old_changed ON social_post",
)
NO_FORGET = ("DROP TRIGGER IF EXISTS track_removed_from_old ON catalog_track",)
NO_FORGET_LEFT = (
    "DROP TRIGGER IF EXISTS post_author_left ON social_post",
    "DROP TRIGGER IF EXISTS post_deleted ON social_post",
)
NO_FUNCTIONS_BUT_FORGET = """
DROP FUNCTION IF EXISTS social_old_audio(), social_follow_old(social_post, social_post),
    social_set_apart(social_post), social_give_track(social_post), social_tell_old(social_post);
"""
NO_FUNCTIONS = f"{NO_FUNCTIONS_BUT_FORGET} DROP FUNCTION IF EXISTS social_forget_removed(), social_forget_left();"
