"""A generation knows which of its songs are tracks, so that one that was removed stays removed."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("archive", "0014_written_off")]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="songs",
            field=ArrayField(
                base_field=models.CharField(max_length=200),
                default=list,
                editable=False,
                help_text="Ids of those that became tracks.",
                size=None,
            ),
        ),
    ]
