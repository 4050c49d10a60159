"""A statement that is put together once answers as the QuerySet does."""

import uuid

import pytest

from apps.accounts.models import User
from apps.lib.again import Again
from tests.make import make_user

pytestmark = pytest.mark.django_db


def test_it_answers_each_time_for_the_values_it_is_given(django_assert_num_queries):
    made = []

    def rows(pk, email):
        made.append(pk)
        return User.objects.filter(pk=pk, email__gt=email, is_active=True).values_list("pk", "email")

    ask, ana, ben = Again(rows, uuid.UUID(int=0), "nobody"), make_user("ana"), make_user("ben")
    with django_assert_num_queries(4):
        assert ask(ana.pk, "") == [(ana.pk, "ana@example.org")]
        assert ask(str(ben.pk), "a") == [(ben.pk, "ben@example.org")]
        assert ask(ben.pk, "zoe") == ask(uuid.uuid4(), "") == []
    assert len(made) == 1


def test_its_values_are_never_part_of_the_statement():
    ask = Again(lambda email: User.objects.filter(email=email).values_list("pk"), "nobody")
    make_user("ana")
    assert ask("' OR true --") == []
