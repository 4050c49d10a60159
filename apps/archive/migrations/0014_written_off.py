from django.db import migrations, models

EVENTS = (
    "begun", "planned", "failed", "gone_suspect", "quarantined", "crashed", "readdressed", "forgotten", "archived",
    "lost", "asked_again", "dropped", "changed", "removed", "damaged", "repaired", "written_off",
)  # fmt: skip
BACK = "UPDATE archive_finding SET state = 'unrepairable' WHERE state = 'written_off'"


class Migration(migrations.Migration):
    """A damage that nothing can be done about is written off. On the way back it is beyond repair again."""

    dependencies = [("archive", "0013_open_by_host")]

    operations = [
        migrations.RemoveConstraint("finding", "finding_state_known"),
        migrations.RemoveConstraint("finding", "finding_one_at_a_time"),
        migrations.AlterField(
            model_name="finding",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "open"),
                    ("unrepairable", "unrepairable"),
                    ("written_off", "written off"),
                    ("repaired", "repaired"),
                    ("gone", "gone"),
                ],
                default="open",
                editable=False,
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="sha256",
            field=models.CharField(editable=False, max_length=64, verbose_name="SHA-256"),
        ),
        migrations.AlterField(
            model_name="finding",
            name="found_sha256",
            field=models.CharField(blank=True, default="", editable=False, max_length=64, verbose_name="SHA-256 found"),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="event",
            field=models.CharField(
                choices=[(event, event.replace("_", " ")) for event in EVENTS], editable=False, max_length=20
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("open", "unrepairable", "written_off", "repaired", "gone"))),
                name="finding_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("open", "unrepairable", "written_off"))),
                fields=("sha256", "place"),
                name="finding_one_at_a_time",
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, BACK),
    ]
