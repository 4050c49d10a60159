"""The history of rows that are made is written once per statement, not once per row; it says the same.

Of a deleted track nothing can be written: its history has a key to it, and goes before it or holds it.
"""

from django.db import migrations

PARTS = ("section", "credit", "instrument", "sample")
IDLE = "id track_id created_at updated_at"
IDLE_OF_TRACK = "id created_at updated_at play_count popularity_score number search"
FACTS = """owner_id, kind, status, title, artist, description, is_public, is_pro_only,
        genre, subgenre, tempo, pitch_class, mode, mood, tags, catalog_number, isrc, release_date, duration_ms,
        clearance, clearance_reasons, removed_at, merged_into_id"""

MADE = """
CREATE FUNCTION catalog_record_made() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    idle text[] := string_to_array(TG_ARGV[1], ' ');
    facts text[];
BEGIN
    SELECT array_agg(key ORDER BY key) INTO facts
        FROM jsonb_object_keys((SELECT to_jsonb(made) FROM made LIMIT 1)) AS key WHERE key <> ALL (idle);
    INSERT INTO catalog_change ("table", track_id, row_id, action, fields, new, by_id, door, changeset_id)
    SELECT TG_TABLE_NAME, (whole ->> TG_ARGV[0])::uuid, (whole ->> 'id')::uuid, 'I', facts,
        whole - idle - 'owner_id'::text,
        nullif(current_setting('keeptrack.by', true), '')::uuid,
        coalesce(nullif(current_setting('keeptrack.door', true), ''), 'direct'),
        nullif(current_setting('keeptrack.changeset', true), '')::uuid
    FROM (SELECT to_jsonb(made) AS whole FROM made) AS rows;
    RETURN NULL;
END $$;
"""


def _after(name: str, events: str, table: str, per: str, function: str, arguments: str) -> str:
    return f"CREATE TRIGGER {name} AFTER {events} ON catalog_{table} {per} EXECUTE FUNCTION {function}({arguments});\n"


def _made(table: str, column: str, idle: str) -> str:
    per = "REFERENCING NEW TABLE AS made FOR EACH STATEMENT"
    return _after(f"{table}_history_made", "INSERT", table, per, "catalog_record_made", f"'{column}', '{idle}'")


def _changed(table: str, events: str, column: str, idle: str) -> str:
    again = f"DROP TRIGGER {table}_history ON catalog_{table};\n"
    arguments = f"'{column}', '{idle}'"
    return again + _after(f"{table}_history", events, table, "FOR EACH ROW", "catalog_record_change", arguments)


FORWARD = MADE + "".join(
    [
        _changed("track", f"UPDATE OF {FACTS}", "id", IDLE_OF_TRACK),
        _made("track", "id", IDLE_OF_TRACK),
        *(_changed(part, "UPDATE OR DELETE", "track_id", IDLE) + _made(part, "track_id", IDLE) for part in PARTS),
    ]
)
BACK = "".join(
    [
        *(f"DROP TRIGGER {table}_history_made ON catalog_{table};\n" for table in ("track", *PARTS)),
        _changed("track", f"INSERT OR DELETE OR UPDATE OF {FACTS}", "id", IDLE_OF_TRACK),
        *(_changed(part, "INSERT OR UPDATE OR DELETE", "track_id", IDLE) for part in PARTS),
        "DROP FUNCTION catalog_record_made();",
    ]
)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_popular_words")]

    operations = [migrations.RunSQL(FORWARD, BACK)]
