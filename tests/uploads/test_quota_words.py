import pytest

from apps.lib.errors import Refusal
from apps.uploads import quota

pytestmark = pytest.mark.django_db


def test_the_account_says_what_is_used_and_left_and_when_it_begins_anew(as_, ana):
    quota.reserve(ana, 50_000_000)
    shown = as_(ana).get("/account/subscription").content.decode()
    assert "<span data-used>50\xa0MB</span> of 100\xa0MB used, <strong data-left>50\xa0MB</strong> left" in shown
    assert f'datetime="{quota.standing(ana).resets_at.isoformat()}"' in shown


def test_who_has_too_little_left_is_told_in_the_same_units(ana):
    quota.reserve(ana, 99_000_000)
    with pytest.raises(Refusal, match="1\xa0MB of 100\xa0MB are left"):
        quota.reserve(ana, 1_000_001)
