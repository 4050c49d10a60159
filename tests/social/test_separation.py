"""The phases on a house without old rows; houses with some: tests/moves."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.lib import ddl
from apps.social import separation

pytestmark = pytest.mark.django_db


def test_what_was_done_may_be_asked_for_again():
    for again in (separation.prepare, separation.move, separation.require):
        again()
    assert ddl.has_constraint(*separation.HAS_TRACK[:2])


def test_the_command_says_what_it_is_for():
    with pytest.raises(CommandError, match="required: what"):
        call_command("separation")
    out = StringIO()
    call_command("separation", "verify", "--json", stdout=out)
    assert json.loads(out.getvalue())["holds"]
    with pytest.raises(CommandError, match="has begun"):
        call_command("separation", "plan")


def test_the_old_columns_say_that_they_will_go():
    found = ddl.asked("""SELECT col_description('social_post'::regclass, attnum) FROM pg_attribute
        WHERE attrelid = 'social_post'::regclass AND attname LIKE 'audio%%'""")
    assert found == [(separation.DEPRECATED,)] * 5
