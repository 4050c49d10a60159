"""The three providers of S3-01, with the lifetimes known of them; staff change them in the admin.

Suno and Mureka: about 15 days. Replicate deletes API outputs after one hour (S3-17).
"""

import datetime as dt

from django.db import migrations

PROVIDERS = (
    ("suno", "Suno", dt.timedelta(days=15), [".suno.ai", ".suno.com"]),
    ("mureka", "Mureka", dt.timedelta(days=15), [".mureka.ai"]),
    ("replicate", "Replicate", dt.timedelta(hours=1), ["replicate.delivery", ".replicate.delivery"]),
)


def fill(apps, schema_editor):
    rows = apps.get_model("catalog", "Provider").objects
    for code, name, lifetime, hosts in PROVIDERS:
        rows.get_or_create(code=code, defaults={"name": name, "lifetime": lifetime, "hosts": hosts})


def empty(apps, schema_editor):
    """Providers that tracks came from stay; the table's own migration decides about them."""
    used = apps.get_model("catalog", "ProviderSource").objects.values("provider")
    codes = [code for code, *_ in PROVIDERS]
    apps.get_model("catalog", "Provider").objects.filter(code__in=codes).exclude(code__in=used).delete()


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [migrations.RunPython(fill, empty)]
