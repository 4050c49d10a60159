"""Every account gets the row that its address is verified by; addresses are kept in lower case from here on.

Sessions are kept in a table of our own by now: those in Django's open nothing any more and would stay for ever.
"""

from django.db import migrations
from django.db.models import F
from django.db.models.functions import Coalesce, Lower

BATCH = 1000


def fill(apps, schema_editor) -> None:
    """Accounts from before were made by staff, who knew the address. Runs again without harm."""
    user_model = apps.get_model("accounts", "User")
    address_model = apps.get_model("account", "EmailAddress")
    user_model.objects.update(email=Lower("email"), email_verified_at=Coalesce("email_verified_at", F("created_at")))
    missing = user_model.objects.filter(emailaddress__isnull=True).values_list("pk", "email")
    while rows := list(missing[:BATCH]):
        address_model.objects.bulk_create(
            address_model(user_id=pk, email=email, verified=True, primary=True) for pk, email in rows
        )


def end_old_sessions(apps, schema_editor) -> None:
    apps.get_model("sessions", "Session").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_people"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(end_old_sessions, migrations.RunPython.noop),
    ]
