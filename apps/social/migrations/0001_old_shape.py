"""The community's old shape: a post holds its audio itself, and playlists list posts."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

KEY = models.UUIDField(primary_key=True, serialize=False, default=uuid.uuid4, editable=False)
NUMBER = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _user(name: str, *, on_delete=django.db.models.deletion.CASCADE, **options) -> models.ForeignKey:
    return models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=on_delete, related_name=name, **options)


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Post",
            fields=[
                ("id", KEY),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("author", _user("posts", on_delete=django.db.models.deletion.PROTECT, db_index=False)),
                ("content", models.TextField(blank=True, default="", db_default="")),
                ("post_type", models.CharField(max_length=5, db_default="text")),
                ("audio_url", models.TextField(null=True)),
                ("audio_filename", models.TextField(null=True)),
                ("audio_duration", models.IntegerField(null=True)),
                ("audio_file_size", models.BigIntegerField(null=True)),
                ("audio_mime_type", models.TextField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(post_type__in=["text", "audio"]), name="post_type_known")
                ],
                "indexes": [
                    models.Index("author", F("created_at").desc(), F("id").desc(), name="post_newest_of_author"),
                    models.Index(F("created_at").desc(), F("id").desc(), name="post_newest"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Like",
            fields=[
                ("id", NUMBER),
                (
                    "post",
                    models.ForeignKey(
                        "social.post", django.db.models.deletion.CASCADE, related_name="likes", db_index=False
                    ),
                ),
                ("user", _user("likes")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"constraints": [models.UniqueConstraint(fields=["post", "user"], name="like_once")]},
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", KEY),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "post",
                    models.ForeignKey(
                        "social.post", django.db.models.deletion.PROTECT, related_name="comments", db_index=False
                    ),
                ),
                ("author", _user("comments", on_delete=django.db.models.deletion.PROTECT, db_index=False)),
                (
                    "parent",
                    models.ForeignKey(
                        "self", django.db.models.deletion.PROTECT, null=True, blank=True, related_name="replies"
                    ),
                ),
                ("content", models.TextField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=~Q(parent=F("pk")), name="comment_not_its_own_answer")
                ],
                "indexes": [
                    models.Index("post", "created_at", "id", name="comment_of_post"),
                    models.Index("author", F("created_at").desc(), F("id").desc(), name="comment_newest_of_author"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Follow",
            fields=[
                ("id", NUMBER),
                ("follower", _user("follows", db_index=False)),
                ("followed", _user("followers")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["follower", "followed"], name="follow_once"),
                    models.CheckConstraint(condition=~Q(follower=F("followed")), name="follow_somebody_else"),
                ]
            },
        ),
    ]
