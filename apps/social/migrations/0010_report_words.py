"""What was said to moderators is found by an index, as posts and comments are."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations

from apps.lib import batches, ddl
from apps.lib.ddl import Steps

INDEX = ("report_words", "ON social_report USING gin (upper(details) gin_trgm_ops)")


def add() -> None:
    with batches.unhurried():
        ddl.index(*INDEX)


def drop() -> None:
    with batches.unhurried():
        ddl.without_index(INDEX[0])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("social", "0009_way_back")]

    operations = [
        Steps(add, drop),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddIndex(
                    model_name="report",
                    index=django.contrib.postgres.indexes.GinIndex(
                        django.contrib.postgres.indexes.OpClass(
                            django.db.models.functions.text.Upper("details"), name="gin_trgm_ops"
                        ),
                        name="report_words",
                    ),
                ),
            ]
        ),
    ]
