"""The shape of a key and the rules for a new one."""

import datetime as dt

import pytest

from apps.accounts import keys
from apps.accounts.roles import SCOPES
from apps.lib.errors import Refusal

NOW = dt.datetime(2026, 12, 1, 12, tzinfo=dt.UTC)
GOOD = {"name": "x", "scopes": ["read"], "expires_at": None, "held": None, "now": NOW}


def test_keys_are_long_unlike_and_hashed():
    made = {keys.generate() for _ in range(100)}
    assert len(made) == 100 and all(keys.is_shaped(key) and len(key) == 46 for key in made)
    assert len(keys.digest("kt_x")) == 64 and keys.digest("kt_x") != keys.digest("kt_y")


@pytest.mark.parametrize("text", ["", "kt_", "kt_x", "KT_" + "x" * 43, "kt_" + "x" * 44, "kt_" + "x" * 42 + "é",
                                  "kt_" + "x" * 43 + "\n"])  # fmt: skip
def test_what_is_no_key_has_not_its_shape(text):
    assert not keys.is_shaped(text)


def test_every_scope_is_said_in_words():
    assert list(keys.SCOPE_WORDS) == list(SCOPES)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "root"]}, "scopes"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW - dt.timedelta(days=1)}, "expires_at"),
    ],
)
def test_what_no_key_may_be_is_refused_by_field(change, field):
    with pytest.raises(Refusal) as refused:
        keys.check(**{**GOOD, **change})
    assert (refused.value.code, list(refused.value.fields)) == ("INVALID", [field])


@pytest.mark.parametrize(
    ("held", "scopes", "allowed"),
    [
        (None, ["admin"], True),
        ({"admin"}, ["read", "archive"], True),
        ({"read", "write"}, ["read"], True),
        ({"read", "write"}, ["read", "upload"], False),
        ({"read", "write"}, ["admin"], False),
    ],
)
def test_a_key_makes_none_with_more_scopes_than_its_own(held, scopes, allowed):
    def check():
        keys.check(**{**GOOD, "held": held, "scopes": scopes})

    if allowed:
        check()
    else:
        with pytest.raises(Refusal) as refused:
            check()
        assert refused.value.code == "FORBIDDEN"
