"""Indexes of words for the popular tracks alone, and the genre in all of them (decision 0039)."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import BtreeGinExtension
from django.db import migrations
from django.db.models import Q
from django.db.models.functions import Lower

NAMES = """
DROP INDEX track_search_names;
CREATE INDEX track_search_names ON catalog_track USING gin (ts_filter(search, '{a,b}'), lower(genre));
CREATE INDEX track_search_names_30 ON catalog_track USING gin (ts_filter(search, '{a,b}'), lower(genre))
    WHERE popularity_score >= 30;
CREATE INDEX track_search_names_15 ON catalog_track USING gin (ts_filter(search, '{a,b}'), lower(genre))
    WHERE popularity_score >= 15;
"""
NO_NAMES = """
DROP INDEX track_search_names, track_search_names_30, track_search_names_15;
CREATE INDEX track_search_names ON catalog_track USING gin (ts_filter(search, '{a,b}'));
"""


def popular(least: int) -> GinIndex:
    return GinIndex("search", Lower("genre"), condition=Q(popularity_score__gte=least), name=f"track_search_{least}")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_watched")]

    operations = [
        BtreeGinExtension(),
        migrations.RemoveIndex("track", "track_search"),
        migrations.AddIndex("track", GinIndex("search", Lower("genre"), name="track_search")),
        migrations.AddIndex("track", popular(30)),
        migrations.AddIndex("track", popular(15)),
        migrations.RunSQL(NAMES, NO_NAMES),
    ]
