"""Phase 2: the audio of posts becomes tracks (S0-32)."""

from django.db import migrations

from apps.lib.ddl import Steps
from apps.social import separation


class Migration(migrations.Migration):
    atomic = False  # each chunk is a transaction of its own; cut off anywhere, it goes on from there

    dependencies = [("social", "0002_prepare")]

    operations = [Steps(separation.move, separation.unmove)]
