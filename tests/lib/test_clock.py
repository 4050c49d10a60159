import datetime as dt

import pytest
import time_machine
from django.db import connection, transaction

from apps.lib import clock

pytestmark = pytest.mark.django_db


def test_the_time_is_aware_and_in_utc():
    assert clock.now().tzinfo is dt.UTC


def test_the_time_is_the_databases_and_not_this_hosts():
    """Hosts whose clocks differ agree about a lease."""
    with time_machine.travel(dt.datetime(1999, 1, 1, tzinfo=dt.UTC)):
        now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        assert dt.timedelta(0) <= cursor.fetchone()[0] - now < dt.timedelta(minutes=1)


def test_time_goes_on_within_a_transaction():
    with transaction.atomic():
        assert clock.now() < clock.now()
