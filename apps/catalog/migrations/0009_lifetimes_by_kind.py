"""How long a provider keeps files, by kind of asset, and since when a source has other addresses than at first.

Suno keeps videos for 14 days (S3-17).
"""

import datetime as dt

from django.db import migrations, models

VIDEO = dt.timedelta(days=14)


def fill(apps, schema_editor):
    apps.get_model("catalog", "Provider").objects.filter(code="suno").update(video_lifetime=VIDEO)


def _column(kind: str) -> migrations.AddField:
    words = f"Of {kind if kind == 'audio' else f'{kind}s'} alone, where it is another."
    field = models.DurationField(blank=True, help_text=words, null=True)
    return migrations.AddField("provider", f"{kind}_lifetime", field)


def _rule(kind: str) -> migrations.AddConstraint:
    name = f"{kind}_lifetime"
    condition = models.Q(**{f"{name}__gt": dt.timedelta(0), f"{name}__lte": dt.timedelta(days=3650)})
    return migrations.AddConstraint(
        "provider",
        models.CheckConstraint(
            condition=condition,
            name=f"provider_{name}_within_ten_years",
            violation_error_message="A lifetime is more than nothing and ten years at most.",
        ),
    )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_loudness_and_former_files")]

    operations = [
        *map(_column, ("audio", "cover", "video")),
        *map(_rule, ("audio", "cover", "video")),
        migrations.AddField(
            "providersource",
            "renewed_at",
            models.DateTimeField(
                editable=False, help_text="Since when its addresses are other ones than at first.", null=True
            ),
        ),
        migrations.AlterField(
            "providersource", "expires_at", models.DateTimeField(db_index=True, help_text="Of its audio.")
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
