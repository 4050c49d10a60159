"""Phase 1: room for tracks beside the audio of posts. Nothing that worked stops working (S0-31)."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from apps.lib.ddl import MakeTable, Steps
from apps.social import separation


class Migration(migrations.Migration):
    atomic = False  # each step is a transaction of its own and may be taken twice

    dependencies = [
        ("social", "0001_old_shape"),
        ("playlists", "0001_old_shape"),
        ("catalog", "0007_history_in_bulk"),
    ]

    operations = [
        MakeTable(
            name="PostMove",
            fields=[
                ("post_id", models.UUIDField(primary_key=True, serialize=False, editable=False)),
                ("track_id", models.UUIDField(null=True, editable=False)),
                (
                    "fate",
                    models.CharField(
                        max_length=8,
                        choices=[
                            ("moved", "became a track"),
                            ("shared", "shares the track of an earlier post with its file"),
                            ("no_url", "has no audio address: a text post now"),
                            ("bad_url", "has an address nothing can be fetched from: a text post now"),
                            ("leftover", "was a text post, with leftovers of audio in its columns"),
                        ],
                        editable=False,
                    ),
                ),
                (
                    "mended",
                    models.JSONField(
                        null=True,
                        editable=False,
                        help_text="Old values that could not be taken as they were, by name.",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(fate__in=["moved", "shared"], track_id__isnull=False)
                        | Q(fate__in=["no_url", "bad_url", "leftover"], track_id__isnull=True),
                        name="post_move_fate_known",
                    )
                ]
            },
        ),
        Steps(separation.prepare, separation.unprepare),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    "post",
                    "track",
                    models.ForeignKey(
                        "catalog.track", django.db.models.deletion.PROTECT, null=True, related_name="posts",
                        editable=False,
                    ),
                ),
            ]
        ),
    ]  # fmt: skip
