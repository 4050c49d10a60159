"""Celery's door to derivations."""

import pytest

from apps.catalog import tasks
from apps.catalog.models import Derivation
from tests.make import make_playable

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_sweep_works_off_what_is_due_and_may_run_twice(ana):
    for seconds in (1, 1.5):
        make_playable(ana, seconds=seconds)
    assert (tasks.sweep(), tasks.sweep()) == (2, 0)
    assert set(Derivation.objects.values_list("state", flat=True)) == {"done"}
