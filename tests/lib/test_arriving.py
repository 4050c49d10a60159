"""A form's file: where it lies while it comes, what it is called, when it goes."""

import hashlib
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from apps.lib import arriving

BYTES = os.urandom(3 * 1024 * 1024 + 17)


def sent(**files: bytes):
    content = {name: SimpleUploadedFile(f"{name}.wav", data, "audio/wav") for name, data in files.items()}
    return RequestFactory().post("/", content)


@pytest.mark.parametrize("data", [BYTES, b"", b"x"])
def test_a_file_comes_in_whole_and_hashed(data):
    request = sent(file=data)
    file = request.FILES["file"]
    assert isinstance(file, arriving.Arrived)
    assert (file.name, file.content_type, file.size, file.read()) == ("file.wav", "audio/wav", len(data), data)
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    request.close()


def test_each_file_has_its_own_hash():
    request = sent(one=b"1", two=b"2")
    assert [request.FILES[name].sha256 for name in ("one", "two")] == [
        hashlib.sha256(data).hexdigest() for data in (b"1", b"2")
    ]
    request.close()


def test_it_lies_private_in_the_spool_and_goes_with_the_request():
    request = sent(file=b"bytes")
    path = Path(request.FILES["file"].temporary_file_path())
    assert path.parent == settings.SPOOL and path.name.startswith("job-")  # what a killed server leaves is swept
    assert path.stat().st_mode & 0o777 == 0o600
    request.close()
    assert not path.exists()


def test_a_file_that_was_moved_away_stays_where_it_is(tmp_path):
    request = sent(file=b"bytes")
    os.replace(request.FILES["file"].temporary_file_path(), tmp_path / "kept")
    request.close()
    assert (tmp_path / "kept").read_bytes() == b"bytes"


def test_a_form_that_breaks_off_leaves_nothing():
    request = sent(file=BYTES)
    half = request.META["wsgi.input"].read(2_000_000)
    cut = RequestFactory().generic("POST", "/", half, content_type=request.META["CONTENT_TYPE"])
    before = set(settings.SPOOL.glob("job-*"))
    assert not cut.FILES
    cut.close()
    assert set(settings.SPOOL.glob("job-*")) == before
