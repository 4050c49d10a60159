"""What has been in hand when workers died is found without reading the queue."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("archive", "0011_seen_by_the_database"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="archiveasset",
            index=models.Index(
                condition=models.Q(
                    ("crashes__gte", 2),
                    ("state__in", ("pending", "retrying", "gone_suspect", "quarantined", "running")),
                ),
                fields=["expires_at", "id"],
                name="asset_suspect",
            ),
        ),
    ]
