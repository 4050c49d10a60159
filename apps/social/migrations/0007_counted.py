"""What was liked and commented before the database counted is counted once, some posts at a time."""

from django.db import connection, migrations

from apps.lib.batches import patiently
from apps.social import counts


def fill(apps, schema_editor) -> None:
    """Twice does no harm: a post is counted, not added to. Posts change hands between the steps, nobody waits long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT post_id FROM social_like UNION SELECT post_id FROM social_comment ORDER BY 1")
        found = [row[0] for row in cursor.fetchall()]
    for start in range(0, len(found), counts.AT_ONCE):
        some = found[start : start + counts.AT_ONCE]
        patiently(lambda cursor, posts=some: counts.recount(posts), "counting posts")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("social", "0006_counts")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
