"""`manage.py old_uses`: who is left, for operators."""

import datetime as dt
import io
import json

import pytest
from django.core.management import call_command

from apps.accounts.models import ApiKey
from apps.social import compat
from tests.make import make_key

pytestmark = pytest.mark.django_db


def printed(*words: str) -> str:
    out = io.StringIO()
    call_command("old_uses", *words, stdout=out)
    return out.getvalue()


def test_it_names_key_person_and_network_with_what_to_do_instead(ana):
    make_key(ana)
    compat.count({"page"}, user=ana, key=ApiKey.objects.get())
    compat.count({"shape"}, user=ana)
    compat.count({"user"}, network="192.0.2.1")
    text = printed()
    assert "key 'test' of ana@example.org" in text and "192.0.2.1" in text
    assert compat.INSTEAD["page"] in text
    assert {row["who"] for row in json.loads(printed("--json"))} >= {"ana@example.org", "192.0.2.1"}


def test_it_says_that_there_is_nobody(ana):
    compat.count({"page"}, user=ana, now=dt.datetime.now(dt.UTC) - dt.timedelta(days=40))
    assert printed().startswith("Nobody since ")
    assert "ana@example.org" in printed("--days", "60")
    assert json.loads(printed("--json")) == []
