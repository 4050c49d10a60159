"""What comes in place of a file is told by name."""

import pytest

from apps.archive.providers.answers import HEAD_BYTES, named
from tests.make import audio


@pytest.mark.parametrize(
    ("head", "content_type", "code", "words"),
    [
        (b'{"detail": "not found"}', "audio/mpeg", "PROVIDER_REFUSED", "not found"),
        (b'{"msg": "\\u0000<b>' + b"y" * 400 + b'"}', "audio/mpeg", "PROVIDER_REFUSED", "yyy"),
        (b'{"detail": {"a": 1}}', "audio/mpeg", "PROVIDER_REFUSED", "an error in place of the file."),
        (b'[{"a', "audio/mpeg", "PROVIDER_REFUSED", "an error"),
        (b"  <!DOCTYPE html><html>", "audio/mpeg", "PROVIDER_REFUSED", "web page"),
        (b"<html>", "text/html", "PROVIDER_REFUSED", "web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "application/xml", "PROVIDER_REFUSED", "store"),
        (b"https://studio-api.prod.suno.com/api/forbidden", "audio/mpeg", "PROVIDER_REFUSED", "api/forbidden"),
        (b"", "audio/mpeg", "NOT_AUDIO", "without content"),
        (bytes(range(7, 250)) * 16, "audio/mp4", "NOT_AUDIO", "sealed"),
    ],
)
def test_it_is_named(head, content_type, code, words):
    found = named(head, content_type)
    assert found.code == code and words in found.message and len(found.message) < 500
    assert found.message.isprintable()


@pytest.mark.parametrize(
    ("head", "content_type"),
    [(audio("mp3")[:HEAD_BYTES], "audio/mpeg"), (audio("mp3")[:HEAD_BYTES], "audio/mp4"),
     (audio("wav")[:HEAD_BYTES], "audio/wav"), (b"\x00\x00\x00\x20ftypM4A rest", "audio/mp4"),
     (bytes(range(7, 250)) * 16, "audio/mpeg")],
)  # fmt: skip
def test_what_may_be_a_file_has_no_other_name(head, content_type):
    assert named(head, content_type) is None
