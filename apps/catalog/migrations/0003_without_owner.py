"""Tracks and their sources outlive their owner; blobs know since when nobody uses them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError
from django.db.models import Q


def refuse(apps, schema_editor) -> None:
    """Before this every source, and every track but the library's, had an owner; nobody knows any more who it was."""
    sources = apps.get_model("catalog", "ProviderSource").objects.filter(owner__isnull=True).count()
    tracks = apps.get_model("catalog", "Track").objects.filter(owner__isnull=True).exclude(kind="library").count()
    if sources or tracks:
        raise IrreversibleError(
            f"{sources} sources and {tracks} removed tracks are without the owner that 0002_providers asks for: their "
            "people left. Give them an owner or delete them first; or restore the backup from before the update."
        )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_providers"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.RemoveConstraint("track", "track_has_owner"),
        migrations.AddConstraint(
            "track",
            models.CheckConstraint(
                condition=Q(kind="library") | Q(status="removed") | Q(owner__isnull=False), name="track_has_owner"
            ),
        ),
        migrations.AlterField(
            "providersource",
            "owner",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "blob",
            "unused_since",
            models.DateTimeField(editable=False, help_text="No track holds it, as the sweeper found.", null=True),
        ),
        # The last one, so that it is asked before anything is undone.
        migrations.RunPython(migrations.RunPython.noop, refuse),
    ]
