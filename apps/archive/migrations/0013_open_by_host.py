"""What waits at one host is found without reading the queue."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("archive", "0012_suspects"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="archiveasset",
            index=models.Index(
                models.F("host"),
                models.F("expires_at"),
                condition=models.Q(("state__in", ("pending", "retrying", "gone_suspect", "quarantined", "running"))),
                name="asset_open_by_host",
            ),
        ),
    ]
