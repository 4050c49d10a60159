"""Asked first of all on the way back to posts that hold their audio: what the old shape cannot hold (S0-34).

It depends on every migration of posts and playlists, so that nothing has been undone yet when it refuses.
"""

from django.db import migrations

from apps.lib.ddl import Steps
from apps.social import separation


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("social", "0008_old_uses"), ("playlists", "0004_files")]

    operations = [Steps(separation.stay, separation.ask_way_back)]
