"""`/avatars/…` for browsers; what programs get is beside `/me/avatar`."""

import pytest

from apps.accounts import avatars
from tests.accounts.test_avatars import picture

pytestmark = pytest.mark.django_db


def test_a_picture_comes_whole_or_in_part_to_whoever_asks(client, ana):
    kept = avatars.put(user=ana, content=picture())
    whole = client.get(f"/avatars/{kept.sha256}").getvalue()
    assert whole == bytes(kept.image)
    part = client.get(f"/avatars/{kept.sha256}", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.getvalue()) == (206, b"RIFF")


def test_no_cookie_comes_with_a_picture(client, ana):
    kept = avatars.put(user=ana, content=picture())
    assert not client.get(f"/avatars/{kept.sha256}").cookies
