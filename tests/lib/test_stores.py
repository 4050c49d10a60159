"""What a store tells of what lies in it."""

import datetime as dt
import hashlib
import os
import time

import pytest

from apps.lib import storage, stores
from apps.lib.storage_url import backend_from_url
from tests.servers import object_store  # noqa: F401  (asked for by name)


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.servers)])
def blobs(request, settings, tmp_path):
    folder = request.param == "folder"
    url = f"file://{tmp_path}/store" if folder else request.getfixturevalue("object_store")
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(url)}
    storage.begin(lambda: True)
    return request.param


def test_what_lies_there_is_listed_with_its_size_and_since_when(blobs):
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
    stored = storage.put_bytes(os.urandom(100))
    (lying,) = [lying for lying in storage.listed(stored.sha256[:2]) if lying.name == stored.key]
    assert lying.size == 100 and before < lying.since < dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)


@pytest.mark.servers
def test_a_bucket_is_listed_page_by_page(settings, object_store, monkeypatch):  # noqa: F811
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(object_store)}
    client = storage._store()._client
    names = {f"blobs/sha256/zz/{number:04d}" for number in range(7)}
    for name in names:
        client.put_object(Bucket=storage._store()._bucket, Key=name, Body=b"x")
    paginator = client.get_paginator
    monkeypatch.setattr(client, "get_paginator", lambda name: _small(paginator(name)))
    assert {lying.name for lying in storage.listed("zz")} == names


def _small(paginator):
    class Small:
        def paginate(self, **how):
            pages = list(paginator.paginate(**how, PaginationConfig={"PageSize": 3}))
            assert len(pages) == 3
            return pages

    return Small()


def test_a_linked_file_is_as_old_as_its_name_in_the_store(settings, tmp_path):
    """An upload may lie in the spool for days before it becomes an object."""
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(f"file://{tmp_path}/store")}
    storage.begin(lambda: True)
    path = tmp_path / "ours"
    path.write_bytes(b"sound")
    os.utime(path, (1, 1))
    stored = storage.put(path, ours=hashlib.sha256(b"sound").hexdigest())
    (lying,) = storage.listed(stored.sha256[:2])
    assert abs(lying.since.timestamp() - time.time()) < 60


@pytest.mark.parametrize("name", ["blobs/sha256/ab/.incoming-x1_", "blobs/sha256/00/.incoming-0"])
def test_a_half_written_file_is_known_by_its_name(name):
    assert stores.Lying(name, 1, dt.datetime.now(dt.UTC)).half_written


@pytest.mark.parametrize(
    "name",
    ["blobs/sha256/ab/" + "ab" * 32, "blobs/sha256/ab/.incoming-", "blobs/sha256/ab/.incoming-x/y", ".incoming-x"],
)
def test_nothing_else_is_removed_as_one(settings, tmp_path, name):
    with pytest.raises(ValueError):
        storage.remove_half_written(stores.Lying(name, 1, dt.datetime.now(dt.UTC)))
