"""Files that come into the bucket by signed links: against a real S3 server."""

import hashlib
import os
import threading
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import time_machine

from apps.lib import multipart, storage
from apps.lib.storage_url import backend_from_url

MIB = 1024 * 1024


@pytest.fixture
def bucket(settings, object_store):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(object_store)}


@pytest.fixture
def name():
    return str(uuid.uuid4())


@contextmanager
def a_store_without_checksums():
    """Refuses as stores do that do not know the header; its port."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self):
            known = "x-amz-checksum-algorithm" not in self.headers
            code = "<Error><Code>NotImplemented</Code></Error>"
            body = ("<R><UploadId>plain</UploadId></R>" if known else code).encode()
            self.send_response(200 if known else 501)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def put(link, data, **headers):
    """Send a part as any client does."""
    return httpx.put(link.url, content=data, headers={**link.headers, **headers}, trust_env=False)


def sent(name, data, **more):
    """Begin a file and send all of its parts; the store's id."""
    multipart_id, _ = multipart.begin(name)
    each = multipart.part_size(len(data))
    for number, size in multipart.sizes(len(data)).items():
        part = data[(number - 1) * each :][:size]
        assert put(multipart.link(name, multipart_id, number, size=size, **more), part).status_code == 200
    return multipart_id


@pytest.mark.parametrize(
    ("size", "parts"),
    [(1, {1: 1}), (8 * MIB, {1: 8 * MIB}), (8 * MIB + 1, {1: 8 * MIB, 2: 1}), (50 * MIB, dict.fromkeys(range(1, 7), 8 * MIB) | {7: 2 * MIB})],
)  # fmt: skip
def test_all_parts_but_the_last_have_one_size(size, parts):
    assert multipart.sizes(size) == parts


@pytest.mark.parametrize("size", [8_000 * MIB, 8_000 * MIB + 1, 20_000_000_000])
def test_no_file_has_more_parts_than_a_store_lists_at_once(size):
    parts = multipart.sizes(size)
    assert len(parts) <= multipart.MOST_PARTS
    assert sum(parts.values()) == size


@pytest.mark.parametrize("name", ["", "../blobs/sha256/aa", "x" * 36, "incoming/1"])
def test_only_a_uuid_names_a_file(settings, name):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url("s3://a:b@127.0.0.1:1/bucket?secure=0")}
    with pytest.raises(ValueError, match="UUID"):
        multipart.size(name)


def test_local_files_take_no_parts(settings, tmp_path):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(f"file://{tmp_path}")}
    assert not multipart.available()


@pytest.mark.servers
def test_parts_become_the_file_that_was_sent(bucket, name, tmp_path):
    data = os.urandom(8 * MIB + 5)
    multipart_id = sent(name, data)
    parts = multipart.there(name, multipart_id)
    assert [(part.number, part.size) for part in parts] == [(1, 8 * MIB), (2, 5)]
    assert [part.etag for part in parts] == [
        hashlib.md5(data[: 8 * MIB]).hexdigest(),
        hashlib.md5(data[-5:]).hexdigest(),
    ]
    multipart.join(name, multipart_id, parts)
    assert multipart.available() and multipart.size(name) == len(data)
    assert multipart.fetch(name, tmp_path / "copy", size=len(data)) == hashlib.sha256(data).hexdigest()
    assert (tmp_path / "copy").read_bytes() == data


@pytest.mark.servers
@pytest.mark.parametrize("length", [1, 9, 11])
def test_a_link_takes_its_number_of_bytes_and_no_other(bucket, name, length):
    multipart_id, _ = multipart.begin(name)
    link = multipart.link(name, multipart_id, 1, size=10)
    assert put(link, b"x" * length, **{"Content-Length": str(length)}).status_code == 403
    assert multipart.there(name, multipart_id) == []


@pytest.mark.servers
def test_a_link_is_for_one_part_of_one_file(bucket, name):
    multipart_id, _ = multipart.begin(name)
    link = multipart.link(name, multipart_id, 1, size=1)
    for changed in (link.url.replace("partNumber=1", "partNumber=2"), link.url.replace(name, str(uuid.uuid4()))):
        assert httpx.put(changed, content=b"x", headers=link.headers, trust_env=False).status_code == 403
    assert httpx.get(link.url, trust_env=False).status_code == 403


@pytest.mark.servers
def test_a_link_ends(bucket, name):
    multipart_id, _ = multipart.begin(name)
    with time_machine.travel("2026-01-01 12:00Z", tick=False):
        old = multipart.link(name, multipart_id, 1, size=1, seconds=60)
    assert put(old, b"x").status_code == 403


@pytest.mark.servers
def test_a_part_with_another_checksum_is_refused_by_the_store(bucket, name):
    multipart_id, checked = multipart.begin(name, checksums=True)
    assert checked
    link = multipart.link(name, multipart_id, 1, size=3, sha256=hashlib.sha256(b"abc").hexdigest())
    assert put(link, b"abd").status_code == 400
    assert put(link, b"abc", **{"x-amz-checksum-sha256": ""}).is_client_error
    assert multipart.there(name, multipart_id) == []
    assert put(link, b"abc").status_code == 200
    assert len(multipart.there(name, multipart_id)) == 1


def test_a_store_that_knows_no_checksums_of_parts_takes_them_without(settings, name):
    with a_store_without_checksums() as port:
        url = f"s3://a:b@127.0.0.1:{port}/bucket?secure=0"
        settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(url)}
        assert multipart.begin(name, checksums=True) == ("plain", False)


@pytest.mark.servers
@pytest.mark.parametrize("joined", [False, True])
def test_what_was_deleted_is_known_no_more(bucket, name, joined):
    multipart_id = sent(name, b"abc")
    parts = multipart.there(name, multipart_id)
    if joined:
        multipart.join(name, multipart_id, parts)
    for _ in range(2):
        multipart.abort(name, multipart_id)
        multipart.remove(name)
    asks = (multipart.size, lambda name: multipart.there(name, multipart_id))
    for ask in (*asks, lambda name: multipart.join(name, multipart_id, parts)):
        with pytest.raises(storage.ObjectMissing):
            ask(name)


@pytest.mark.servers
def test_aborting_another_beginning_leaves_the_file(bucket, name):
    other, _ = multipart.begin(name)
    multipart_id = sent(name, b"abc")
    multipart.join(name, multipart_id, multipart.there(name, multipart_id))
    multipart.abort(name, other)
    assert multipart.size(name) == 3


@pytest.mark.servers
def test_an_aborted_file_takes_no_more_parts(bucket, name):
    multipart_id, _ = multipart.begin(name)
    multipart.abort(name, multipart_id)
    assert put(multipart.link(name, multipart_id, 1, size=1), b"x").status_code == 404


@pytest.mark.servers
@pytest.mark.parametrize("size", [2, 4])
def test_a_file_of_another_size_is_not_fetched(bucket, name, size, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "pause", lambda seconds: None)
    multipart_id = sent(name, b"abc")
    multipart.join(name, multipart_id, multipart.there(name, multipart_id))
    with pytest.raises(storage.StorageFailed, match="file store"):
        multipart.fetch(name, tmp_path / "copy", size=size)


@pytest.mark.servers
def test_all_that_lies_there_is_listed(bucket, name):
    joined = str(uuid.uuid4())
    multipart_id, _ = multipart.begin(name)
    first = sent(joined, b"abc")
    multipart.join(joined, first, multipart.there(joined, first))
    found = {(each.name, each.multipart_id): each.since for each in multipart.lying()}
    assert {(name, multipart_id), (joined, "")} <= found.keys()
    assert (joined, first) not in found
    assert all(since.tzinfo for since in found.values())
