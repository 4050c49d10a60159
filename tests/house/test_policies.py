"""Policies: every view of the API says who may read and write, in words that mean something."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, path
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, SIGNED_IN, policy
from apps.accounts.roles import PERMISSIONS, SCOPES

API = "api/v1/"
# The API's description of itself.
OPEN_BY_NAME = {"schema", "docs"}


def routes(patterns, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in patterns:
        where = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, where)
        else:
            yield where, entry


def undeclared(patterns) -> list[str]:
    """Addresses of the API whose view names no policy."""
    return [
        where
        for where, route in routes(patterns)
        if where.startswith(API) and route.name not in OPEN_BY_NAME and not list(declared(route))
    ]


def declared(route: URLPattern) -> Iterator[dict]:
    """What the view's policies declare; nothing for a view that is not REST framework's."""
    view = getattr(route.callback, "cls", None)
    classes = getattr(route.callback, "initkwargs", {}).get("permission_classes") or getattr(
        view, "permission_classes", []
    )
    for permission in classes:
        if hasattr(permission, "declared"):
            yield permission.declared


def policies() -> list[tuple[str, dict]]:
    found = routes(get_resolver("config.urls").url_patterns)
    return [(where, words) for where, route in found if where.startswith(API) for words in declared(route)]


def test_every_view_of_the_api_declares_a_policy():
    assert undeclared(get_resolver("config.urls").url_patterns) == []


def test_the_walk_sees_the_api():
    seen = {where for where, _ in policies()}
    assert {"api/v1/me", "api/v1/tracks", "api/v1/uploads", "api/v1/archive/run"} <= seen


def test_policies_say_words_that_exist():
    for where, words in policies():
        assert {words["scope"], words["read_scope"]} <= set(SCOPES), where
        for who in (words["read"], words["write"]):
            assert who in (ANYONE, SIGNED_IN) or who in PERMISSIONS, where


class Unsaid(APIView):
    pass


class Wide(APIView):
    permission_classes = [AllowAny]


class Said(APIView):
    permission_classes = [policy(read=ANYONE)]


@pytest.mark.parametrize("view", [Unsaid.as_view(), Wide.as_view(), lambda request: None])
def test_a_view_without_a_policy_is_caught(view):
    assert undeclared([path("api/v1/thing", view, name="thing")]) == ["api/v1/thing"]


def test_a_view_with_a_policy_is_not():
    assert undeclared([path("api/v1/thing", Said.as_view()), path("thing", Unsaid.as_view())]) == []
