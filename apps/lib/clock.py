"""The one clock for leases: the database's, so that hosts whose clocks differ agree."""

import datetime as dt

from django.db import connection


def now() -> dt.datetime:
    """The database server's time at this moment, aware, in UTC (not the start of the transaction)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0].astimezone(dt.UTC)
