"""Phase 2: the audio of posts becomes tracks (S0-32)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("social", "0002_prepare")]

    operations = []
