"""A job stays when its person has left, without their name."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError


def refuse(apps, schema_editor) -> None:
    """Before this every job had a person; nobody knows any more who it was."""
    jobs = apps.get_model("archive", "ArchiveJob").objects.filter(user__isnull=True).count()
    if jobs:
        raise IrreversibleError(
            f"{jobs} jobs are without the person that 0001_initial asks for: they left. Give them one or delete them "
            "first; or restore the backup from before the update."
        )


class Migration(migrations.Migration):
    dependencies = [("archive", "0001_initial"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AlterField(
            "archivejob",
            "user",
            models.ForeignKey(
                editable=False,
                help_text="Owner of the track; empty for the library and after they left.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse),
    ]
