"""Phase 4: audio posts have a track; the old columns stay, marked as deprecated, until `separation drop` (S0-33)."""

from django.db import migrations, models
from django.db.models import Q

from apps.lib.ddl import Steps
from apps.social import separation

OLD = ("audio_url", "audio_filename", "audio_duration", "audio_file_size", "audio_mime_type")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("social", "0003_move"), ("playlists", "0002_repoint")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(migrations.RemoveField("post", name) for name in OLD),
                migrations.AddConstraint(
                    "post",
                    models.CheckConstraint(
                        condition=Q(post_type="audio", track__isnull=False) | Q(post_type="text", track__isnull=True),
                        name="post_audio_has_track",
                    ),
                ),
            ],
        ),
        Steps(separation.require, separation.unrequire),
    ]
