import datetime as dt
import uuid

import pytest
import time_machine

from apps.catalog.models import Track
from apps.lib.records import uuid7
from tests.make import make_track, make_user


def test_a_key_is_a_uuid_of_version_7():
    for key in (uuid7() for _ in range(1000)):
        assert key.version == 7
        assert key.variant == uuid.RFC_4122


@time_machine.travel(dt.datetime(2024, 5, 6, 7, 8, 9, 123500, tzinfo=dt.UTC), tick=False)
def test_a_key_begins_with_the_time_it_was_made():
    """48 bits of Unix milliseconds, then the fraction in 4096ths: half a millisecond is 2048."""
    key = uuid7().int
    assert key >> 80 == 1714979289123
    assert key >> 64 & 0xFFF == 2048


def test_keys_sort_by_the_time_they_were_made():
    keys = []
    with time_machine.travel(dt.datetime(2024, 5, 6, tzinfo=dt.UTC), tick=False) as now:
        for _ in range(1000):
            keys.append(uuid7())
            now.shift(dt.timedelta(microseconds=300))
    assert keys == sorted(keys)
    assert [str(key) for key in keys] == sorted(str(key) for key in keys)


def test_keys_of_one_moment_differ():
    with time_machine.travel(dt.datetime(2024, 5, 6, tzinfo=dt.UTC), tick=False):
        assert len({uuid7() for _ in range(100_000)}) == 100_000


@pytest.mark.django_db
def test_the_newest_row_has_the_greatest_key_in_the_database():
    ana = make_user()
    made = [make_track(ana, title=f"{n}").pk for n in range(5)]
    assert list(Track.objects.order_by("id").values_list("pk", flat=True)) == made


@pytest.mark.parametrize("name", ["id", "created_at", "updated_at"])
def test_no_form_can_name_another_row(name):
    assert not Track._meta.get_field(name).editable
