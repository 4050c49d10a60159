"""A form made of other values is refused."""

import pytest

from apps.lib import seen
from apps.lib.errors import Refusal


def test_a_form_of_these_values_passes_and_one_of_others_does_not():
    seen.unchanged(seen.mark("a", True), "a", True)
    for others in (("a", False), ("a", True, ""), ("aTrue",)):
        with pytest.raises(Refusal) as refused:
            seen.unchanged(seen.mark("a", True), *others)
        assert (refused.value.code, refused.value.status) == ("CONFLICT", 412)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_program_that_says_not_what_it_saw_means_what_it_says(nothing):
    seen.unchanged(nothing, "a")


def test_half_a_character_has_a_mark():
    assert seen.mark("\ud800") != seen.mark("?")
