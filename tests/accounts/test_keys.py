"""The shape of a key."""

from apps.accounts.keys import digest, generate


def test_keys_are_long_unlike_and_hashed():
    keys = {generate() for _ in range(100)}
    assert len(keys) == 100 and all(key.startswith("kt_") and len(key) == 46 for key in keys)
    assert len(digest("kt_x")) == 64 and digest("kt_x") != digest("kt_y")
