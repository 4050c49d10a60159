"""For tests that ask very often."""

import logging

import pytest


@pytest.fixture
def unhindered(settings):
    """Nobody asks too often, nobody is logged for being refused, and every door is there."""
    settings.STRIPE_WEBHOOK_SECRET = "whsec_for_the_tests"
    settings.CACHES = dict.fromkeys(settings.CACHES, {"BACKEND": "django.core.cache.backends.dummy.DummyCache"})
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(level)
