import pytest

pytestmark = pytest.mark.django_db


def policy(client, path: str) -> dict[str, str]:
    """The page's directives by name."""
    header = client.get(path)["Content-Security-Policy"]
    return {name: values for name, _, values in (part.strip().partition(" ") for part in header.split(";"))}


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/tracks", "/api/v1/schema/", "/nowhere", "/administration"])
def test_a_page_keeps_the_strict_policy(client, path):
    assert "unsafe" not in str(policy(client, path))


def test_the_admin_may_style_and_evaluate_and_nothing_more(client):
    found = policy(client, "/admin/login/")
    assert found["script-src"] == "'self' 'unsafe-inline' 'unsafe-eval'"
    assert found["style-src"] == "'self' 'unsafe-inline'"
    assert (found["object-src"], found["base-uri"], found["frame-ancestors"]) == ("'none'", "'none'", "'none'")
    assert (found["default-src"], found["form-action"]) == ("'self'", "'self'")


def test_the_page_of_the_api_evaluates_nothing(client):
    assert policy(client, "/api/v1/docs/")["script-src"] == "'self' 'unsafe-inline'"
