import pytest

from apps.lib.errors import Conflict, Forbidden, NotFound, Refusal


@pytest.mark.parametrize(
    ("refusal", "code", "status"),
    [
        (Refusal("EMPTY_FILE", "The file is empty."), "EMPTY_FILE", 400),
        (Refusal("FILE_TOO_LARGE", "Too large.", status=413), "FILE_TOO_LARGE", 413),
        (NotFound(), "NOT_FOUND", 404),
        (Forbidden(), "FORBIDDEN", 403),
        (Conflict("Somebody was faster."), "CONFLICT", 409),
        (Conflict("Nothing left.", code="ALREADY_ARCHIVED"), "ALREADY_ARCHIVED", 409),
    ],
)
def test_a_refusal_has_a_code_a_status_and_words(refusal, code, status):
    assert (refusal.code, refusal.status) == (code, status)
    assert str(refusal) == refusal.message != ""


def test_a_refusal_names_fields_and_carries_what_else_the_caller_needs():
    refusal = Refusal("INVALID", "Wrong.", fields={"title": ["Too long."]}, upload="42")
    assert refusal.fields == {"title": ["Too long."]}
    assert refusal.extra == {"upload": "42"}


def test_refusals_share_nothing():
    first, second = Refusal("A", "a"), Refusal("B", "b")
    first.fields["title"], first.extra["upload"] = ["Too long."], "42"
    assert (second.fields, second.extra) == ({}, {})


def test_a_hidden_row_and_a_missing_one_sound_alike():
    assert NotFound().message == NotFound().args[0] == "Not found."
