"""When an asset was first seen is told by the database's clock."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("archive", "0010_alarm_copies")]

    operations = [
        migrations.AlterField("archiveasset", "created_at", models.DateTimeField(db_default=Now(), editable=False)),
    ]
