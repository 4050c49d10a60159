"""What is counted in a store and a spool must be of this test alone."""

import pytest

from apps.lib import storage


@pytest.fixture
def own_places(settings, tmp_path):
    """A store and a spool that nobody used before."""
    blobs = settings.STORAGES["blobs"]
    settings.STORAGES = {**settings.STORAGES, "blobs": {**blobs, "OPTIONS": {"location": str(tmp_path / "blobs")}}}
    storage.begin(lambda: True)
    settings.SPOOL = tmp_path / "spool"
