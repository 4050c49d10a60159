"""What lies sealed is read by this site alone."""

import pytest

from apps.lib.errors import Refusal
from apps.lib.seal import seal, unseal


@pytest.mark.parametrize("text", ["", "a secret", "pässwörd ✓ \x00", "x" * 100_000])
def test_what_was_sealed_is_read_again(text):
    assert unseal(seal(text)) == text


def test_the_same_text_never_looks_the_same():
    sealed = [seal("a secret") for _ in range(10)]
    assert len(set(sealed)) == 10
    assert not any("secret" in each for each in sealed)


@pytest.mark.parametrize("change", [lambda s: "", lambda s: "x", lambda s: s[:-4], lambda s: s[:-5] + "A" + s[-4:],
                                    lambda s: "B" + s[1:], lambda s: "é" * len(s), lambda s: "a secret"])  # fmt: skip
def test_what_was_tampered_with_is_refused(change):
    with pytest.raises(Refusal) as refused:
        unseal(change(seal("a secret")))
    assert (refused.value.code, refused.value.status) == ("UNREADABLE", 500)
    assert "a secret" not in refused.value.message


def test_another_key_reads_nothing_and_an_earlier_one_still_does(settings):
    """SECRET_KEY_FALLBACKS: a key may be changed without losing what lies there."""
    sealed, first = seal("a secret"), settings.SECRET_KEY
    settings.SECRET_KEY = "z" * 50
    with pytest.raises(Refusal):
        unseal(sealed)
    settings.SECRET_KEY_FALLBACKS = [first]
    assert unseal(sealed) == "a secret"


def test_the_key_is_not_the_sites_key_itself(settings):
    """Whoever breaks one use of SECRET_KEY has not broken the others."""
    settings.SECRET_KEY = "k" * 32
    assert not seal("x").startswith("k")
    settings.SECRET_KEY = "l" * 32
    assert seal("x") != seal("x")
