"""What pages may ask for: the bell."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import engines

from tests.accounts.test_notices import tell

pytestmark = pytest.mark.django_db


def rendered(rf, user, template: str) -> str:
    request = rf.get("/")
    if user is not None:
        request.user = user
    return engines["django"].from_string(template).render({}, request)


def test_the_bell_counts_what_is_unread_once_a_page(rf, ana, bob, django_assert_num_queries):
    tell(ana)
    tell(ana, subject="two")
    shown = "{% if unread_notices %}{{ unread_notices }} {{ unread_notices }}{% endif %}"
    with django_assert_num_queries(1):
        assert rendered(rf, ana, shown) == "2 2"
    assert rendered(rf, bob, shown) == ""


def test_a_page_without_a_bell_counts_nothing(rf, ana, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert rendered(rf, ana, "quiet") == "quiet"


@pytest.mark.parametrize("user", [AnonymousUser(), None])
def test_nobody_has_no_notices(rf, user, django_assert_num_queries):
    """None: a page that was refused before anybody looked who asks."""
    with django_assert_num_queries(0):
        assert rendered(rf, user, "{{ unread_notices }}") == "0"
