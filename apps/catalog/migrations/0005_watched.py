"""What the database keeps true by itself: search vectors, the history of every change, bounds of parts."""

from django.db import migrations
from django.db.migrations.exceptions import IrreversibleError

# Letters without their accents, in any language: titles are names, so no word is cut to a stem.
WORDS = r"""
CREATE TEXT SEARCH CONFIGURATION keeptrack (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION keeptrack
    ALTER MAPPING FOR asciiword, asciihword, hword_asciipart, word, hword, hword_part WITH unaccent, simple;

-- AC/DC is two words and no path, BT-2024-001 three and no subtraction; a composed é is the é of two characters.
CREATE FUNCTION catalog_words(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 20
    RETURN to_tsvector('keeptrack'::regconfig, translate(
        normalize(words, NFKC), '!"#$%&()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 31)));
-- Lists of words without regard to case.
CREATE FUNCTION catalog_folded(words text[]) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 5
    AS 'BEGIN RETURN lower(words::text)::text[]; END';
"""
NO_WORDS = """
DROP FUNCTION catalog_folded(text[]);
DROP FUNCTION catalog_words(text);
DROP TEXT SEARCH CONFIGURATION keeptrack;
"""

SEARCH = """
CREATE FUNCTION catalog_track_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.search :=
        setweight(catalog_words(NEW.title), 'A') ||
        setweight(catalog_words(concat_ws(' ', NEW.artist,
            (SELECT string_agg(name, ' ' ORDER BY id) FROM catalog_credit WHERE track_id = NEW.id))), 'B') ||
        setweight(catalog_words(array_to_string(NEW.tags || NEW.mood, ' ')), 'C') ||
        setweight(catalog_words(NEW.description), 'D');
    RETURN NEW;
END $$;
CREATE TRIGGER track_search BEFORE INSERT OR UPDATE OF title, artist, tags, mood, description, search
    ON catalog_track FOR EACH ROW EXECUTE FUNCTION catalog_track_search();

CREATE FUNCTION catalog_credit_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_track SET search = NULL WHERE id = coalesce(NEW.track_id, OLD.track_id);
    RETURN NULL;
END $$;
CREATE TRIGGER credit_search AFTER INSERT OR UPDATE OF name OR DELETE
    ON catalog_credit FOR EACH ROW EXECUTE FUNCTION catalog_credit_search();

UPDATE catalog_track SET search = NULL;

-- Who wrote it and what it is called, without its description: found first.
CREATE INDEX track_search_names ON catalog_track USING gin (ts_filter(search, '{a,b}'));
CREATE INDEX track_mood_folded ON catalog_track USING gin (catalog_folded(mood::text[]));
CREATE INDEX track_tags_folded ON catalog_track USING gin (catalog_folded(tags::text[]));
"""
NO_SEARCH = """
DROP INDEX track_search_names, track_mood_folded, track_tags_folded;
DROP TRIGGER credit_search ON catalog_credit;
DROP FUNCTION catalog_credit_search();
DROP TRIGGER track_search ON catalog_track;
DROP FUNCTION catalog_track_search();
"""

# The first argument is the column that names the track, the second lists columns that are no facts. `xid` tells a
# reader what was committed since it last looked (`facets.py`). Who and which door: `history.said`.
# That the owner is another one is told, not whose it was: who leaves is named nowhere (C-07).
CHANGES = """
ALTER TABLE catalog_change ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE catalog_change ALTER COLUMN at SET DEFAULT clock_timestamp();
CREATE INDEX change_xid ON catalog_change (xid);

CREATE FUNCTION catalog_record_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    idle text[] := string_to_array(TG_ARGV[1], ' ');
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    becomes jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    whole jsonb := coalesce(becomes, was);
    changed text[];
BEGIN
    SELECT array_agg(key ORDER BY key) INTO changed FROM jsonb_object_keys(whole) AS key
        WHERE key <> ALL (idle) AND was -> key IS DISTINCT FROM becomes -> key;
    IF TG_OP = 'UPDATE' AND changed IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO catalog_change ("table", track_id, row_id, action, fields, old, new, by_id, door, changeset_id)
    VALUES (
        TG_TABLE_NAME, (whole ->> TG_ARGV[0])::uuid, (whole ->> 'id')::uuid, left(TG_OP, 1), coalesce(changed, '{}'),
        (SELECT jsonb_object_agg(key, was -> key) FROM unnest(changed) AS key
            WHERE was IS NOT NULL AND key <> 'owner_id'),
        (SELECT jsonb_object_agg(key, becomes -> key) FROM unnest(changed) AS key
            WHERE becomes IS NOT NULL AND key <> 'owner_id'),
        nullif(current_setting('keeptrack.by', true), '')::uuid,
        coalesce(nullif(current_setting('keeptrack.door', true), ''), 'direct'),
        nullif(current_setting('keeptrack.changeset', true), '')::uuid
    );
    RETURN NULL;
END $$;

CREATE TRIGGER track_history
    AFTER INSERT OR DELETE OR UPDATE OF owner_id, kind, status, title, artist, description, is_public, is_pro_only,
        genre, subgenre, tempo, pitch_class, mode, mood, tags, catalog_number, isrc, release_date, duration_ms,
        clearance, clearance_reasons, removed_at, merged_into_id
    ON catalog_track FOR EACH ROW EXECUTE FUNCTION catalog_record_change(
        'id', 'id created_at updated_at play_count popularity_score number search');
CREATE TRIGGER section_history AFTER INSERT OR UPDATE OR DELETE ON catalog_section
    FOR EACH ROW EXECUTE FUNCTION catalog_record_change('track_id', 'id track_id created_at updated_at');
CREATE TRIGGER credit_history AFTER INSERT OR UPDATE OR DELETE ON catalog_credit
    FOR EACH ROW EXECUTE FUNCTION catalog_record_change('track_id', 'id track_id created_at updated_at');
CREATE TRIGGER instrument_history AFTER INSERT OR UPDATE OR DELETE ON catalog_instrument
    FOR EACH ROW EXECUTE FUNCTION catalog_record_change('track_id', 'id track_id created_at updated_at');
CREATE TRIGGER sample_history AFTER INSERT OR UPDATE OR DELETE ON catalog_sample
    FOR EACH ROW EXECUTE FUNCTION catalog_record_change('track_id', 'id track_id created_at updated_at');
"""
NO_CHANGES = """
DROP TRIGGER sample_history ON catalog_sample;
DROP TRIGGER instrument_history ON catalog_instrument;
DROP TRIGGER credit_history ON catalog_credit;
DROP TRIGGER section_history ON catalog_section;
DROP TRIGGER track_history ON catalog_track;
DROP FUNCTION catalog_record_change();
ALTER TABLE catalog_change DROP COLUMN xid;
"""

BOUNDS = """
CREATE FUNCTION catalog_section_within() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM catalog_track WHERE id = NEW.track_id AND duration_ms < NEW.end_ms) THEN
        RAISE check_violation USING CONSTRAINT = 'section_within_its_track',
            MESSAGE = 'A section ends behind the end of its track.';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER section_within AFTER INSERT OR UPDATE ON catalog_section
    FOR EACH ROW EXECUTE FUNCTION catalog_section_within();

-- At commit, so that shares can be moved from one to another; under the track's lock, so that two who each add a
-- share see each other's.
CREATE FUNCTION catalog_credit_splits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM catalog_track WHERE id = NEW.track_id FOR NO KEY UPDATE;
    IF (SELECT sum(split) FROM catalog_credit WHERE track_id = NEW.track_id AND role = NEW.role) > 100 THEN
        RAISE check_violation USING CONSTRAINT = 'credit_splits_within_100',
            MESSAGE = 'The shares of one role are more than 100.00 together.';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credit_splits AFTER INSERT OR UPDATE ON catalog_credit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_credit_splits();
"""
NO_BOUNDS = """
DROP TRIGGER credit_splits ON catalog_credit;
DROP FUNCTION catalog_credit_splits();
DROP TRIGGER section_within ON catalog_section;
DROP FUNCTION catalog_section_within();
"""


def refuse(apps, schema_editor) -> None:
    """Before 0004 nothing was merged. A merge is undone by the house as it is now, so it is asked here already."""
    merged = apps.get_model("catalog", "Track").objects.filter(status="merged").count()
    if merged:
        raise IrreversibleError(
            f"{merged} tracks are merged into others, which nothing before 0004_whole_track knows. Undo their merges "
            "first, each is a changeset; or restore the backup from before the update."
        )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_whole_track")]

    operations = [
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.RunSQL(SEARCH, NO_SEARCH),
        migrations.RunSQL(CHANGES, NO_CHANGES),
        migrations.RunSQL(BOUNDS, NO_BOUNDS),
        # The last one, so that it is asked before anything is undone.
        migrations.RunPython(migrations.RunPython.noop, refuse),
    ]
