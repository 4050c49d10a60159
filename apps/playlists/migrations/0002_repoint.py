"""Phase 3: playlists list tracks (S0-33)."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from apps.lib.ddl import MakeTable, Steps
from apps.playlists import separation


class Migration(migrations.Migration):
    atomic = False  # each chunk is a transaction of its own; cut off anywhere, it goes on from there

    dependencies = [
        ("playlists", "0001_old_shape"),
        ("social", "0003_move"),
    ]

    operations = [
        MakeTable(
            name="EntryMove",
            fields=[
                ("entry_id", models.UUIDField(primary_key=True, serialize=False, editable=False)),
                ("playlist_id", models.UUIDField(editable=False)),
                ("post_id", models.UUIDField(editable=False)),
                ("position", models.IntegerField(editable=False)),
                ("added_at", models.DateTimeField(editable=False)),
                (
                    "fate",
                    models.CharField(
                        max_length=12,
                        choices=[
                            ("repointed", "points at the track of its post"),
                            ("replaced", "moved to another position, because its own was taken"),
                            ("double", "left out: the playlist has this track already"),
                            ("text", "left out: its post has no audio"),
                            ("missing", "left out: its post is not there"),
                            ("quarantined", "left out: its post could not become a track"),
                        ],
                        editable=False,
                    ),
                ),
                (
                    "new_position",
                    models.IntegerField(null=True, editable=False, help_text="Where it was put instead, if it was."),
                ),
                (
                    "kept_entry_id",
                    models.UUIDField(null=True, editable=False, help_text="The entry that stayed in its stead."),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(fate__in=["repointed", "replaced", "double", "text", "missing", "quarantined"]),
                        name="entry_move_fate_known",
                    )
                ]
            },
        ),
        MakeTable(
            name="PlaylistMend",
            fields=[
                ("playlist_id", models.UUIDField(primary_key=True, serialize=False, editable=False)),
                ("old", models.JSONField(editable=False)),
            ],
        ),
        Steps(separation.repoint, separation.unrepoint),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "entry",
                    "track",
                    models.ForeignKey(
                        "catalog.track", django.db.models.deletion.PROTECT, related_name="entries", editable=False
                    ),
                ),
                migrations.AddConstraint(
                    "entry",
                    models.UniqueConstraint(
                        fields=["playlist", "position"],
                        name="entry_position_once",
                        deferrable=models.Deferrable.DEFERRED,
                    ),
                ),
            ]
        ),
    ]
