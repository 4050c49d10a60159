"""Tracks and their sources outlive their owner; blobs know since when nobody uses them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


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
    ]
