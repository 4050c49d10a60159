import pytest
from django.test import Client

from tests.accounts.admin.desk import client_of


@pytest.fixture
def desk(boss) -> Client:
    """The admin's browser."""
    return client_of(boss)
