"""Celery's door to derivations."""

import pytest

from apps.catalog import bulk, tasks
from apps.catalog.models import Changeset, Derivation
from tests.make import make_playable, make_track

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_sweep_works_off_what_is_due_and_may_run_twice(ana):
    for seconds in (1, 1.5):
        make_playable(ana, seconds=seconds)
    assert (tasks.sweep(), tasks.sweep()) == (2, 0)
    assert set(Derivation.objects.values_list("state", flat=True)) == {"done"}


def test_changesets_that_are_due_are_worked_off(ana, mod):
    bulk.ask(tracks=[make_track(ana).pk], operations=[{"do": "set", "field": "genre", "value": "House"}], by=mod)
    assert (tasks.curate_in_bulk(), tasks.curate_in_bulk()) == (1, 0)
    assert Changeset.objects.get().state == "previewed"


def test_the_words_of_searching_are_learned(ana):
    make_track(ana, title="Night Train")
    assert tasks.learn_words() == 2
