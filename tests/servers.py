"""Real servers for tests that ask for them by name; each starts once, on its first use."""

import tempfile
from collections.abc import Iterator

import pytest

from deploy.local.objectstore import ObjectStore


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The STORAGE_URL of a running S3 server with an empty bucket."""
    with tempfile.TemporaryDirectory() as directory, ObjectStore(directory) as store:
        yield store.url
