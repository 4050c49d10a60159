"""What may be written of a track; the rest is tested through the door."""

import pytest
from django.http import QueryDict
from rest_framework import serializers

from apps.catalog.keys import PITCHES
from apps.catalog.serializers import KeyField, TrackFacts, Words


def test_keys_are_written_as_musicians_do():
    """C-04. Flats are read and told as sharps."""
    field = KeyField()
    for number, name in enumerate(PITCHES):
        assert (field.to_internal_value(name), field.to_representation(number)) == (number, name)
    assert [field.to_internal_value(flat) for flat in ("Db", "eb", "G♭", "Ab", "Bb", "Cb")] == [1, 3, 6, 8, 10, 11]
    for wrong in ("H", "", "D##", 1, True, ["C"]):
        with pytest.raises(serializers.ValidationError):
            field.to_internal_value(wrong)


def test_words_are_a_list_or_one_text_with_commas():
    """C-06."""
    field = Words()
    assert field.run_validation("dub, slow ,,") == field.run_validation(["dub", "slow"]) == ["dub", "slow"]
    for wrong in (["sad, but hopeful"], 5, {"a": "b"}, ["x" * 41], [""]):
        with pytest.raises(serializers.ValidationError):
            field.run_validation(wrong)


@pytest.mark.parametrize("query", ["tags=dub,slow", "tags=dub&tags=slow"])
def test_a_form_says_words_either_way(query):
    form = TrackFacts(data=QueryDict(f"title=x&{query}"))
    assert form.is_valid(), form.errors
    assert form.validated_data["tags"] == ["dub", "slow"] and "mood" not in form.validated_data


def test_a_form_that_leaves_the_switch_out_says_nothing():
    form = TrackFacts(data=QueryDict("title=x"))
    assert form.is_valid(), form.errors
    assert "is_public" not in form.validated_data
