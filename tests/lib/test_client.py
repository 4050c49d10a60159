"""Who is on the other end, and what counts as one place."""

import pytest
from django.test import RequestFactory

from apps.lib import client


def asked(remote: str = "192.0.2.1", forwarded: str | None = None):
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return RequestFactory().get("/", REMOTE_ADDR=remote, **headers)


@pytest.mark.parametrize(
    ("remote", "known"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1"),
     ("fe80::1%eth0", "fe80::1"), ("", "0.0.0.0"), ("unix:", "0.0.0.0"), ("not an address", "0.0.0.0"),
     ("2001:DB8:0:0::1", "2001:db8::1")],
)  # fmt: skip
def test_the_address_is_the_connections(remote, known):
    assert client.address(asked(remote)) == known


def test_without_a_proxy_nobody_is_believed_about_it():
    assert client.address(asked(forwarded="203.0.113.9")) == "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded", "known"),
    [("203.0.113.9", "203.0.113.9"), ("1.1.1.1, 203.0.113.9", "203.0.113.9"), (" 203.0.113.9 ", "203.0.113.9"),
     ("203.0.113.9, 2001:db8::7", "2001:db8::7"), ("", "192.0.2.1"), (None, "192.0.2.1"), ("203.0.113.9, ", "192.0.2.1"),
     ("203.0.113.9:50000", "203.0.113.9"), ("1.1.1.1, [2001:db8::7]:50000", "2001:db8::7"),
     ("[2001:db8::7]", "2001:db8::7"), ("[::ffff:203.0.113.9]:1", "203.0.113.9"), ("203.0.113.9:x", "0.0.0.0"),
     ("[]:1", "0.0.0.0"), ("2001:db8::7:50", "2001:db8::7:50"), ("<script>", "0.0.0.0")],
)  # fmt: skip
def test_behind_a_proxy_its_own_entry_counts(settings, forwarded, known):
    """The last one, which the proxy wrote; those before it came from whoever asked."""
    settings.BEHIND_PROXY = True
    assert client.address(asked(forwarded=forwarded)) == known


@pytest.mark.parametrize(
    ("address", "place"),
    [("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
     ("2001:db8:1:2::", "2001:db8:1:2::/64"), ("2001:db8:1:3::1", "2001:db8:1:3::/64"), ("::1", "::/64")],
)  # fmt: skip
def test_a_household_is_one_place(address, place):
    assert client.network(address) == place
    assert len(place) <= 45
