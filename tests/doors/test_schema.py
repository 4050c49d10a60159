"""The API describes itself in full, and its page works offline."""

import json
import re
import warnings

import pytest
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.house.test_words import MISNAMED

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def schema():
    GENERATOR_STATS.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = SchemaGenerator().get_schema(request=None, public=True)
        validate_schema(made)
    return made


def test_the_schema_is_valid_openapi_without_a_warning(schema):
    assert not GENERATOR_STATS._warn_cache and not GENERATOR_STATS._error_cache
    assert schema["openapi"].startswith("3.1")


def test_the_schema_says_the_products_words(schema):
    """S0-40."""
    said = json.dumps(schema, default=str)
    assert "playlist" in said
    assert not MISNAMED.search(said)


def test_every_route_is_described(schema):
    routes = {
        re.sub(r"<(?:\w+:)?\w+>", "{pk}", "/api/v1/" + str(route.pattern))
        for included in get_resolver("config.api").url_patterns
        for route in getattr(included, "url_patterns", [])
    }
    described = {re.sub(r"\{\w+\}", "{pk}", path) for path in schema["paths"]}
    assert routes == described


def test_every_operation_says_how_it_refuses_and_how_to_sign_in(schema):
    for operations in schema["paths"].values():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert {"apiKey": []} in operation["security"]
            assert operation.get("description"), operation["operationId"]


def test_the_page_asks_nobody_else(client):
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert not re.findall(rb"""(?:src|href)=["']https?://""", page.content)


def test_the_schema_is_served(client):
    assert client.get("/api/v1/schema/").status_code == 200
