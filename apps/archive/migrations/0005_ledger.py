"""The ledger: the database itself writes what becomes of an asset, and lets nobody change what was written.

Whoever goes back loses what it says; the closed days can be exported before (`manage.py archive verify --export`).
"""

import django.db.models.deletion
from django.db import migrations, models

import apps.lib.records

# Held together by everybody who writes entries, until they commit, and for a moment alone by who closes a day
# (`manifests.LOCK`). A trigger of the statement takes it before the first number and the first time are drawn.
LOCK = 7_201_304

SEALED = f"""
ALTER TABLE archive_ledgerentry ALTER COLUMN at SET DEFAULT clock_timestamp();
ALTER TABLE archive_ledgerentry ALTER COLUMN seq SET GENERATED ALWAYS;

CREATE FUNCTION archive_entry_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({LOCK});
    RETURN NULL;
END $$;
CREATE TRIGGER entry_in_order BEFORE INSERT ON archive_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION archive_entry_in_order();

-- Tests empty their tables, over connections that say so.
CREATE FUNCTION archive_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('keeptrack.empties', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER entry_sealed BEFORE UPDATE OR DELETE OR TRUNCATE ON archive_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION archive_sealed();
CREATE TRIGGER manifest_sealed BEFORE UPDATE OR DELETE OR TRUNCATE ON archive_manifest
    FOR EACH STATEMENT EXECUTE FUNCTION archive_sealed();
"""
UNSEALED = """
DROP TRIGGER manifest_sealed ON archive_manifest;
DROP TRIGGER entry_sealed ON archive_ledgerentry;
DROP FUNCTION archive_sealed();
DROP TRIGGER entry_in_order ON archive_ledgerentry;
DROP FUNCTION archive_entry_in_order();
"""

# Claims write nothing: the most frequent move is left out by the triggers' WHEN. `facts` of an asset is a letter box:
# what a move brings is taken over into its entry, so that no later move finds it. An entry never fails for its facts.
WRITTEN = """
CREATE FUNCTION archive_tell(row_ archive_archiveasset, event_ text, was text, becomes text, facts_ jsonb)
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place text[] := regexp_match(row_.source_url, '^([A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#\\\\]*@)?([^/?#@\\\\]*)');
    held record;
BEGIN
    SELECT sha256, size INTO held FROM catalog_blob WHERE id = row_.blob_id;
    INSERT INTO archive_ledgerentry (
        asset, track, kind, event, state_from, state_to, token, attempts, crashes, origin, url_sha256, sha256, size,
        error_code, facts)
    VALUES (
        row_.id, row_.track_id, row_.kind, event_, was, becomes, row_.token, row_.attempts, row_.crashes,
        coalesce(left(lower(place[1] || place[2]), 300), ''),
        CASE WHEN row_.source_url = '' THEN '' ELSE encode(sha256(convert_to(row_.source_url, 'UTF8')), 'hex') END,
        coalesce(held.sha256, ''), held.size, row_.error_code,
        CASE WHEN octet_length(facts_::text) <= 4000 THEN facts_
            WHEN facts_ IS NULL THEN '{}' ELSE '{"too_long": true}' END);
END $$;

CREATE FUNCTION archive_asset_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM archive_tell(NEW, CASE WHEN NEW.state IN ('pending', 'running') THEN 'planned'
        WHEN NEW.state = 'retrying' THEN 'failed' ELSE NEW.state END, '', NEW.state, NEW.facts);
    RETURN NULL;
END $$;

CREATE FUNCTION archive_asset_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    brought jsonb := CASE WHEN NEW.facts IS DISTINCT FROM OLD.facts THEN NEW.facts END;
    told archive_archiveasset := NEW;
    named text;
BEGIN
    NEW.facts := NULL;
    named := CASE
        WHEN NEW.state <> OLD.state AND NEW.state <> 'running' THEN CASE
            WHEN NEW.state IN ('gone_suspect', 'quarantined', 'archived', 'lost', 'dropped') THEN NEW.state
            WHEN NEW.state = 'retrying' THEN 'failed'
            WHEN NEW.state = 'pending' AND OLD.state = 'lost' THEN 'asked_again'
            ELSE 'changed' END
        WHEN NEW.crashes > OLD.crashes THEN 'crashed'
        WHEN NEW.crashes < OLD.crashes OR (NEW.id, NEW.track_id, NEW.kind) <> (OLD.id, OLD.track_id, OLD.kind)
            OR NEW.blob_id IS DISTINCT FROM OLD.blob_id THEN 'changed' END;
    IF named = 'crashed' THEN
        told.token := OLD.token;  -- the try that died, not the claim that found it out
    END IF;
    IF named IS NOT NULL THEN
        PERFORM archive_tell(told, named, OLD.state, NEW.state, brought);
        brought := NULL;
    END IF;
    IF NEW.source_url <> OLD.source_url THEN
        PERFORM archive_tell(NEW, CASE NEW.source_url WHEN '' THEN 'forgotten' ELSE 'readdressed' END,
            CASE WHEN named IS NULL THEN OLD.state ELSE NEW.state END, NEW.state, brought);
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION archive_asset_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM archive_tell(OLD, 'removed', OLD.state, '', NULL);
    RETURN NULL;
END $$;

CREATE TRIGGER asset_made AFTER INSERT ON archive_archiveasset
    FOR EACH ROW EXECUTE FUNCTION archive_asset_made();
CREATE TRIGGER asset_changed BEFORE UPDATE ON archive_archiveasset FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND NEW.state <> 'running' OR NEW.crashes <> OLD.crashes
        OR NEW.source_url <> OLD.source_url OR NEW.blob_id IS DISTINCT FROM OLD.blob_id
        OR (NEW.id, NEW.track_id, NEW.kind) <> (OLD.id, OLD.track_id, OLD.kind))
    EXECUTE FUNCTION archive_asset_changed();
CREATE TRIGGER asset_removed AFTER DELETE ON archive_archiveasset
    FOR EACH ROW EXECUTE FUNCTION archive_asset_removed();
"""
UNWRITTEN = """
DROP TRIGGER asset_removed ON archive_archiveasset;
DROP TRIGGER asset_changed ON archive_archiveasset;
DROP TRIGGER asset_made ON archive_archiveasset;
DROP FUNCTION archive_asset_removed();
DROP FUNCTION archive_asset_changed();
DROP FUNCTION archive_asset_made();
DROP FUNCTION archive_tell(archive_archiveasset, text, text, text, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("archive", "0004_generation"),
        ("catalog", "0008_loudness_and_former_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="archiveasset",
            name="facts",
            field=models.JSONField(
                editable=False,
                help_text="For the ledger, with a move: the database takes it over and empties it.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("seq", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(editable=False, help_text="By the database's clock.")),
                (
                    "asset",
                    models.UUIDField(editable=False, help_text="Empty for bytes that no asset holds.", null=True),
                ),
                ("track", models.UUIDField(editable=False, null=True)),
                ("kind", models.CharField(blank=True, default="", editable=False, max_length=5)),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("begun", "begun"),
                            ("planned", "planned"),
                            ("failed", "failed"),
                            ("gone_suspect", "gone suspect"),
                            ("quarantined", "quarantined"),
                            ("crashed", "crashed"),
                            ("readdressed", "readdressed"),
                            ("forgotten", "forgotten"),
                            ("archived", "archived"),
                            ("lost", "lost"),
                            ("asked_again", "asked again"),
                            ("dropped", "dropped"),
                            ("changed", "changed"),
                            ("removed", "removed"),
                            ("damaged", "damaged"),
                            ("repaired", "repaired"),
                        ],
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("state_from", models.CharField(blank=True, default="", editable=False, max_length=20)),
                ("state_to", models.CharField(blank=True, default="", editable=False, max_length=20)),
                ("token", models.BigIntegerField(default=0, editable=False, help_text="Which try.")),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("crashes", models.PositiveIntegerField(default=0, editable=False)),
                ("origin", models.CharField(blank=True, default="", editable=False, max_length=300)),
                (
                    "url_sha256",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64, verbose_name="SHA-256 of the address"
                    ),
                ),
                (
                    "sha256",
                    models.CharField(blank=True, default="", editable=False, max_length=64, verbose_name="SHA-256"),
                ),
                ("size", models.BigIntegerField(db_comment="bytes", editable=False, null=True)),
                ("error_code", models.CharField(blank=True, default="", editable=False, max_length=40)),
                (
                    "facts",
                    models.JSONField(
                        default=dict, editable=False, help_text="What the source answered, and what was read."
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger entries",
                "indexes": [
                    models.Index(models.F("track"), models.F("seq"), name="ledger_of_track"),
                    models.Index(models.F("at"), name="ledger_at"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Manifest",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("day", models.DateField(editable=False, help_text="UTC", unique=True)),
                ("sha256", models.CharField(editable=False, max_length=64, unique=True, verbose_name="SHA-256")),
                (
                    "previous",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="SHA-256; empty: the first.",
                        max_length=64,
                        unique=True,
                        verbose_name="the one before",
                    ),
                ),
                ("first_seq", models.BigIntegerField(editable=False, null=True)),
                ("last_seq", models.BigIntegerField(editable=False, null=True)),
                ("entries", models.BigIntegerField(editable=False)),
                (
                    "blob",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="manifests",
                        to="catalog.blob",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("entries", 0), ("first_seq__isnull", True), ("last_seq__isnull", True)),
                            models.Q(("entries__gt", 0), ("first_seq__lte", models.F("last_seq"))),
                            _connector="OR",
                        ),
                        name="manifest_entries_have_numbers",
                    )
                ],
            },
        ),
        migrations.RunSQL(SEALED, UNSEALED),
        migrations.RunSQL(WRITTEN, UNWRITTEN),
    ]
