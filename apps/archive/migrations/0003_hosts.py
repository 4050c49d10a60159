"""A row per host that serves files, and the host of each asset; every asset is written anew once for it."""

import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("archive", "0002_without_owner"),
    ]

    operations = [
        migrations.AddField(
            model_name="archiveasset",
            name="host",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Lower(
                    django.db.models.functions.text.Left(
                        django.db.models.functions.comparison.Coalesce(
                            models.Func(
                                models.Func(
                                    models.F("source_url"), models.Value("^[A-Za-z]+://([^/?#]*)"), function="substring"
                                ),
                                models.Value(":443$"),
                                models.Value(""),
                                function="regexp_replace",
                            ),
                            models.Value(""),
                        ),
                        260,
                    ),
                    output_field=models.CharField(max_length=260),
                ),
                output_field=models.CharField(max_length=260),
            ),
        ),
        migrations.CreateModel(
            name="ArchiveHost",
            fields=[
                ("name", models.CharField(editable=False, max_length=260, primary_key=True, serialize=False)),
                (
                    "tokens",
                    models.FloatField(
                        editable=False, help_text="Requests it may get at `filled_at`; below nothing: in debt."
                    ),
                ),
                ("filled_at", models.DateTimeField(editable=False)),
                ("failures", models.PositiveIntegerField(default=0, editable=False, verbose_name="failures in a row")),
                ("trips", models.PositiveIntegerField(default=0, editable=False, verbose_name="openings in a row")),
                (
                    "open_until",
                    models.DateTimeField(
                        editable=False, help_text="The breaker is open; then one probe goes.", null=True
                    ),
                ),
                ("probing", models.BooleanField(default=False, editable=False)),
                (
                    "paused_until",
                    models.DateTimeField(editable=False, help_text="As the host asked (Retry-After).", null=True),
                ),
                ("last_success_at", models.DateTimeField(editable=False, null=True, verbose_name="last answer")),
                ("last_failure_at", models.DateTimeField(editable=False, null=True, verbose_name="last failure")),
                ("error_code", models.CharField(blank=True, default="", editable=False, max_length=40)),
                ("version", models.BigIntegerField(default=0, editable=False)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="host_has_a_name"),
                    models.CheckConstraint(
                        condition=models.Q(("probing", False), ("open_until__isnull", False), _connector="OR"),
                        name="host_probed_while_open",
                    ),
                ],
            },
        ),
        # Claims are in this order to the end: with the expiry alone each would sort the whole queue.
        migrations.RemoveIndex(model_name="archiveasset", name="asset_open_by_expiry"),
        migrations.AddIndex(
            model_name="archiveasset",
            index=models.Index(
                condition=models.Q(("state__in", ("pending", "retrying", "gone_suspect", "quarantined", "running"))),
                fields=["expires_at", "id"],
                name="asset_open_by_expiry",
            ),
        ),
    ]
