from django.db import migrations, models
from django.db.models import Q

# Claims fire neither: they are the most frequent moves.
NOTED = """
CREATE FUNCTION archive_asset_lost() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lost_at := CASE WHEN NEW.state = 'lost' THEN coalesce(NEW.lost_at, statement_timestamp()) END;
    RETURN NEW;
END $$;
CREATE TRIGGER asset_lost_made BEFORE INSERT ON archive_archiveasset
    FOR EACH ROW WHEN (NEW.state = 'lost') EXECUTE FUNCTION archive_asset_lost();
CREATE TRIGGER asset_lost BEFORE UPDATE OF state ON archive_archiveasset
    FOR EACH ROW WHEN (NEW.state = 'lost' OR OLD.state = 'lost') EXECUTE FUNCTION archive_asset_lost();
"""
UNNOTED = """
DROP TRIGGER asset_lost ON archive_archiveasset;
DROP TRIGGER asset_lost_made ON archive_archiveasset;
DROP FUNCTION archive_asset_lost();
"""
SO_FAR = "UPDATE archive_archiveasset SET lost_at = updated_at WHERE state = 'lost'"


class Migration(migrations.Migration):
    """Since when a file is lost, noted by the database."""

    dependencies = [("archive", "0015_songs")]

    operations = [
        migrations.AddField("archiveasset", "lost_at", models.DateTimeField(editable=False, null=True)),
        migrations.RunSQL(SO_FAR, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "archiveasset",
            models.CheckConstraint(
                condition=Q(lost_at__isnull=False, state="lost") | ~Q(state="lost") & Q(lost_at__isnull=True),
                name="asset_lost_at_a_time",
            ),
        ),
        migrations.RemoveIndex("archiveasset", "asset_lost_by_time"),
        migrations.AddIndex(
            "archiveasset", models.Index(models.F("lost_at"), condition=Q(state="lost"), name="asset_lost_by_time")
        ),
        migrations.RunSQL(NOTED, UNNOTED),
    ]
