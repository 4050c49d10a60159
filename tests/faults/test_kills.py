"""Workers end by SIGKILL, at every named point of an archiving and at any moment (R4): a sample of bench/archive_kills."""

import pytest

from tests.faults import kills, promises
from tests.faults.workers import Workers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]


@pytest.fixture
def workers(provider):
    with Workers(provider.origin) as bearing:
        yield bearing


def test_a_worker_that_dies_at_any_named_point_loses_nothing(ana, provider, workers):
    names = kills.points(provider, ana)
    assert len(names) >= 40
    result = kills.at_points(provider, ana, workers, 1)
    assert result.kills == len(names) and result.sound, result
    assert promises.spool_left() == 0


def test_two_workers_that_die_at_any_moment_lose_nothing(ana, provider, workers):
    result = kills.at_random(provider, ana, workers, 40, seed=1)
    assert result.kills >= 40 and result.sound, result
    assert promises.spool_left() == 0
