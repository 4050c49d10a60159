"""Playlists as they were: `track_id` of an entry is the id of a post."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

KEY = models.UUIDField(primary_key=True, serialize=False, default=uuid.uuid4, editable=False)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("social", "0001_old_shape"),
    ]

    operations = [
        migrations.CreateModel(
            name="Playlist",
            fields=[
                ("id", KEY),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "owner",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL, django.db.models.deletion.PROTECT,
                        related_name="playlists", db_index=False,
                    ),
                ),
                ("name", models.TextField()),
                ("description", models.TextField(null=True)),
                ("is_public", models.BooleanField(default=True, db_default=True)),
                ("cover_image_url", models.TextField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", KEY),
                (
                    "playlist",
                    models.ForeignKey(
                        "playlists.playlist", django.db.models.deletion.CASCADE, related_name="entries", db_index=False
                    ),
                ),
                ("track", models.ForeignKey("social.post", django.db.models.deletion.CASCADE, related_name="entries")),
                ("position", models.IntegerField()),
                ("added_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["playlist", "track"], name="entry_track_once")]
            },
        ),
    ]  # fmt: skip
