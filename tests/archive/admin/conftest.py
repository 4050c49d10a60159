import pytest
from django.test import Client


@pytest.fixture
def desk(mod) -> Client:
    """Signed in to the admin as a moderator."""
    client = Client()
    client.force_login(mod)
    return client
