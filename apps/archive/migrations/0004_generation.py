"""Generations that were announced before they are finished."""

import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.lib.records


class Migration(migrations.Migration):
    dependencies = [
        ("archive", "0003_hosts"),
        ("catalog", "0009_lifetimes_by_kind"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Generation",
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
                ("provider_track_id", models.CharField(editable=False, max_length=90, verbose_name="provider's id")),
                ("title", models.CharField(editable=False, max_length=255)),
                (
                    "facts",
                    models.JSONField(
                        default=dict, editable=False, encoder=django.core.serializers.json.DjangoJSONEncoder
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("running", "running"),
                            ("finished", "finished"),
                            ("failed", "failed"),
                            ("expired", "expired"),
                        ],
                        default="waiting",
                        editable=False,
                        max_length=20,
                    ),
                ),
                (
                    "asked_at",
                    models.DateTimeField(editable=False, help_text="When the provider was asked last.", null=True),
                ),
                ("ends_at", models.DateTimeField(editable=False)),
                (
                    "said",
                    models.CharField(
                        blank=True, default="", editable=False, help_text="The provider's word.", max_length=40
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="generations",
                        to="catalog.provider",
                    ),
                ),
                ("tracks", models.ManyToManyField(editable=False, related_name="generations", to="catalog.track")),
            ],
            options={
                "indexes": [
                    models.Index(models.F("next_at"), condition=models.Q(("state", "waiting")), name="generation_due"),
                    models.Index(models.F("provider"), models.F("provider_track_id"), name="generation_of_provider_id"),
                    models.Index(models.F("provider"), models.F("asked_at"), name="generation_asked"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("waiting", "running", "finished", "failed", "expired"))),
                        name="generation_state_known",
                    ),
                    models.UniqueConstraint(
                        fields=("owner", "provider", "provider_track_id"), name="generation_once_per_owner"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "waiting"), _negated=True), ("next_at__isnull", False), _connector="OR"
                        ),
                        name="generation_waiting_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lease_until__isnull", False), ("state", "running")),
                            models.Q(models.Q(("state", "running"), _negated=True), ("lease_until__isnull", True)),
                            _connector="OR",
                        ),
                        name="generation_lease_while_running",
                    ),
                ],
            },
        ),
    ]
