"""What the log does not say; that requests are logged without their tokens is tested in tests/doors/test_links.py."""

import logging

import pytest

from config import logs

FILTER = logs.WithoutTokens()


def said(message: str, *args) -> str:
    record = logging.LogRecord("django.request", logging.WARNING, __file__, 1, message, args, None)
    assert FILTER.filter(record)
    return record.getMessage()


@pytest.mark.parametrize(
    ("path", "left"),
    [("/verify-email/NQ:1xUYzj:K9Lv9", "/verify-email/…"), ("/reset-password/019a-dj3-4f", "/reset-password/…"),
     ("/verify-email/NQ%3A1x?next=/", "/verify-email/…?next=/"), ("/verify-email", "/verify-email"),
     ("/reset-password", "/reset-password"), ("/reset-password/sent", "/reset-password/sent"),
     ("/reset-password/done", "/reset-password/done"), ("/tracks/1-2", "/tracks/1-2")],
)  # fmt: skip
def test_a_path_is_logged_without_its_token(path, left):
    assert said("Not Found: %s", path) == f"Not Found: {left}"


def test_what_is_no_text_is_logged_too():
    assert said("%s: %d of %r", "Bad Request", 4, ["/verify-email/x"]) == "Bad Request: 4 of ['/verify-email/…']"


@pytest.mark.parametrize("name", ["django.request", "django.security.csrf"])
def test_the_loggers_that_write_paths_have_the_filter(name):
    assert any(isinstance(each, logs.WithoutTokens) for each in logging.getLogger(name).filters)
