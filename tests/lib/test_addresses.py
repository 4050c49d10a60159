from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.lib.addresses import GLOBAL_UNICAST, NOT_PUBLIC, is_public

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "223.255.255.255",
)
PUBLIC_V6 = ("2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "2a00:1450:4001:80b::200e", "2003::1")

NOT_PUBLIC_V4 = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254 168.63.129.16
169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1 192.31.196.1
192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
"""
NOT_PUBLIC_V6 = """
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1
64:ff9b::808:808 64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1:: 2001:1::1 2001:2::1 2001:3::1
2001:10::1 2001:20::1 2001:30::1 2001:db8::1 2002:7f00:1:: 2002:808:808:: 2620:4f:8000::1 3ffe::1 3fff::1
4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1 2606:4700::1111%eth0
"""
NOT_ADDRESSES = (
    "",
    "localhost",
    "127.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "2130706433",
    "1.1.1.1 ",
    "[::1]",
    "1.1.1.1/32",
)


@pytest.mark.parametrize("text", PUBLIC + PUBLIC_V6)
def test_an_ordinary_address_is_public(text):
    assert is_public(text)


@pytest.mark.parametrize("text", (NOT_PUBLIC_V4 + NOT_PUBLIC_V6).split())
def test_a_special_address_is_not_public(text):
    assert not is_public(text)


@pytest.mark.parametrize("text", NOT_ADDRESSES)
def test_what_is_not_an_address_is_not_public(text):
    assert not is_public(text)


@given(st.sampled_from(NOT_PUBLIC).flatmap(lambda network: st.ip_addresses(network=network)))
def test_no_member_of_a_listed_network_is_public(address):
    assert not is_public(str(address))


@given(st.ip_addresses())
def test_our_table_is_stricter_than_the_one_in_python(address):
    if is_public(str(address)):
        assert address.is_global
        assert not (address.is_private or address.is_multicast or address.is_loopback or address.is_reserved)


@given(st.ip_addresses(v=6))
def test_outside_global_unicast_no_ipv6_address_is_public(address):
    if address not in GLOBAL_UNICAST:
        assert not is_public(str(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_carried_inside_an_ipv6_address_is_never_public(address: IPv4Address):
    number = int(address)
    carriers = (
        number,
        (0xFFFF << 32) | number,
        int(ip_address("64:ff9b::")) | number,
        int(ip_address("2002::")) | number << 80,
        int(ip_address("2001::")) | number,
    )
    assert not any(is_public(str(IPv6Address(carrier))) for carrier in carriers)
