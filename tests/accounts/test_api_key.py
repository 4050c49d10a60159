"""`manage.py api_key`: a key for a script."""

import io

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import ApiKey

pytestmark = pytest.mark.django_db


def test_it_prints_a_working_key_alone_on_a_line(as_, ana):
    out = io.StringIO()
    call_command("api_key", "ANA@example.org", "--scopes", "read", "archive", stdout=out)
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {out.getvalue().strip()}")
    assert client.get("/api/v1/me").json()["username"] == "ana"
    assert ApiKey.objects.get().scopes == ["archive", "read"]


def test_an_unknown_person_or_scope_is_said_in_a_line(ana):
    for words in (["nobody@example.org"], ["ana@example.org", "--scopes", "root"]):
        with pytest.raises(CommandError):
            call_command("api_key", *words)
