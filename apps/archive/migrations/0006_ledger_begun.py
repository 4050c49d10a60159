"""Every asset of a house that is older than its ledger gets an entry: how it stood when the ledger began.

While this runs the house goes on; what moves meanwhile has its entries already.
"""

from django.db import migrations

from apps.lib import batches, ddl


def begin() -> None:
    """An entry for each asset without one, chunk by chunk."""
    batches.by_key("archive_archiveasset", _tell)


def _tell(cursor, after, to) -> int:
    """The rows are held, so that none moves between the look and its entry."""
    cursor.execute(
        """WITH untold AS MATERIALIZED (
            SELECT whole FROM archive_archiveasset AS whole
            WHERE (%(after)s::uuid IS NULL OR id > %(after)s) AND id <= %(to)s AND NOT EXISTS (
                SELECT FROM archive_ledgerentry AS told WHERE told.track = whole.track_id AND told.asset = whole.id)
            ORDER BY id FOR NO KEY UPDATE)
        SELECT archive_tell(whole, 'begun', '', (whole).state, NULL) FROM untold""",
        {"after": after, "to": to},
    )
    return cursor.rowcount


def keep() -> None:
    """Entries stay as long as their table."""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("archive", "0005_ledger")]
    operations = [ddl.Steps(begin, keep)]
