"""The demo's community is made while the house is at work."""

import pytest
from django.db import connection

from apps.archive import manifests
from deploy.demo import seed
from tests.lib.threads import side_by_side

pytestmark = pytest.mark.django_db(transaction=True)


class Enough(Exception):
    """What the test wanted to see was seen."""


def may_write_the_ledger() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", [manifests.LOCK])
        return cursor.fetchone()[0]


def test_the_archive_goes_on_while_the_community_is_made(monkeypatch):
    seen = []

    def person(*facts):
        seen.extend(side_by_side(may_write_the_ledger))
        raise Enough

    monkeypatch.setattr(seed, "_person", person)
    with pytest.raises(Enough):
        seed.main()
    assert seen == [True]
