"""Who still uses the API in the old way (S0-37)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_one_gallery_owner"),
        ("social", "0007_counted"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DeprecatedUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "network",
                    models.CharField(
                        editable=False, help_text="Of visitors; empty where there is a person.", max_length=45
                    ),
                ),
                ("day", models.DateField(editable=False)),
                ("what", models.CharField(editable=False, max_length=20)),
                ("count", models.PositiveIntegerField(editable=False)),
                (
                    "key",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.apikey",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "old use of the API",
                "verbose_name_plural": "old uses of the API",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "what", "user", "key", "network"),
                        name="deprecated_use_once_a_day",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(condition=models.Q(("count__gt", 0)), name="deprecated_use_counts"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("network", ""), ("user__isnull", False)),
                            models.Q(
                                ("key__isnull", True),
                                ("user__isnull", True),
                                models.Q(("network", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="deprecated_use_of_somebody",
                    ),
                ],
            },
        ),
    ]
