"""ISRC and IPI: what is put right, what is refused, what is only told."""

import pytest

from apps.catalog import actions, identifiers
from apps.lib.errors import Refusal
from tests.make import make_track


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("USS1Z2400001", "USS1Z2400001"), ("us-s1z-24-00001", "USS1Z2400001"), (" GB AYE 67 00161 ", "GBAYE6700161"),
        ("", ""), ("  ", ""),
    ],
)  # fmt: skip
def test_an_isrc_is_kept_in_one_form(said, kept):
    """S4-02, S4-07."""
    assert identifiers.isrc(said) == kept


@pytest.mark.parametrize(
    "said", ["USS1Z240000", "USS1Z24000011", "11S1Z2400001", "AAS1Z2400001", "US-ABC-2X-00001", "ÜSS1Z2400001"]
)
def test_what_is_no_isrc_is_refused(said):
    with pytest.raises(Refusal) as refused:
        identifiers.isrc(said)
    assert (refused.value.code, list(refused.value.fields)) == ("INVALID", ["isrc"])


@pytest.mark.django_db
def test_no_door_keeps_another_form(ana):
    """C-18: two tracks may have one."""
    track, other = make_track(ana, isrc="us-s1z-24-00001"), make_track(ana)
    actions.edit(track=other, by=ana, isrc="USS1Z 2400001")
    assert track.isrc == other.isrc == "USS1Z2400001"
    with pytest.raises(Refusal):
        actions.edit(track=other, by=ana, isrc="nonsense")


@pytest.mark.parametrize(
    ("said", "kept"),
    [("123456789", "00123456789"), ("00.123.456.789", "00123456789"), (" 00123456789 ", "00123456789"),
     ("I-000000229-7", "I-000000229-7"), ("", "")],
)  # fmt: skip
def test_an_ipi_is_kept_in_full(said, kept):
    assert identifiers.ipi(said) == kept


@pytest.mark.parametrize(
    ("ipi", "doubtful"),
    [
        ("00123456789", True),  # S4-07's own
        ("00014107338", False), ("14107338", False), ("00000000000", False),
        ("00014107339", True), ("00014107383", True), ("I-000000229-7", True), ("123456789012", True), ("", False),
    ],
)  # fmt: skip
def test_the_check_digits_of_an_ipi_are_looked_at(ipi, doubtful):
    assert identifiers.ipi_doubtful(ipi) is doubtful


def test_check_digits_of_a_hundred_are_written_as_none():
    """9 x 10 + 2 x 6 is 1 modulo 101: a hundred is missing."""
    assert not identifiers.ipi_doubtful("90002000000")
