"""Looks at the whole ledger that somebody asked for."""

from django.db import migrations, models

import apps.lib.records


class Migration(migrations.Migration):
    dependencies = [
        ("archive", "0008_people"),
    ]

    operations = [
        migrations.CreateModel(
            name="Verification",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("next_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("lease_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("token", models.BigIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("crashes", models.PositiveIntegerField(default=0, editable=False)),
                ("error_code", models.CharField(blank=True, default="", editable=False, max_length=40)),
                ("error_message", models.CharField(blank=True, default="", editable=False, max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("due", "due"),
                            ("running", "running"),
                            ("whole", "whole"),
                            ("broken", "broken"),
                            ("failed", "failed"),
                        ],
                        default="due",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("stage", models.CharField(blank=True, default="", editable=False, max_length=30)),
                ("done", models.BigIntegerField(default=0, editable=False)),
                ("total", models.BigIntegerField(default=0, editable=False)),
                ("result", models.JSONField(default=dict, editable=False)),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("due", "running", "whole", "broken", "failed"))),
                        name="verification_state_known",
                    ),
                    models.UniqueConstraint(
                        models.Value(1),
                        condition=models.Q(("state__in", ["due", "running"])),
                        name="verification_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state__in", ["due", "running"])),
                            models.Q(("ended_at__isnull", False), ("state__in", ["whole", "broken", "failed"])),
                            _connector="OR",
                        ),
                        name="verification_ended_when_over",
                    ),
                ],
            },
        ),
    ]
