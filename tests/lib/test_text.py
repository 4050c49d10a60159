"""What nobody sees is no text."""

import pytest

from apps.lib.text import is_blank


@pytest.mark.parametrize(
    "text", ["", " \t\n", "\u200b", "\u200b\u2060\ufeff", "\u3164", "\u2800\ufe0f", "\x01", "\u3000"]
)
def test_what_nobody_sees_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", " . ", "\u200ba", "é", "👩\u200d🚀", "❤\ufe0f", "\ue000", "ㅤ한"])
def test_what_somebody_sees_is_not(text):
    assert not is_blank(text)
