"""Addresses that try to lead inwards (A1-A3, R10): by their spelling, behind a redirect, by a name that turns. A canary
listens on loopback, and hears of none of them."""

import itertools
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.lib import fetch as fetching
from apps.lib.addresses import GLOBAL_UNICAST, NOT_PUBLIC, is_public
from apps.lib.fetch import FetchError, Rules, fetch
from deploy.demo.behaviours import Behaviour
from tests.make import make_providers

NAME = "cdn1.suno.ai"
HOSTS = (NAME, ".example.net")
INSIDE = ("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1")


class Canary:
    """A listener on loopback, IPv4 and IPv6, that counts who comes."""

    def __init__(self):
        self.hits = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                self._listener.accept()[0].close()
            except OSError:
                return
            self.hits += 1

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    made = Canary()
    yield made
    made.close()


def of_ipv4(address: str) -> Iterator[str]:
    """The spellings of an IPv4 address that one resolver or another reads."""
    a, b, c, d = (int(part) for part in address.split("."))
    number = int(IPv4Address(address))
    yield from (address, f"{a}.{b}.{c << 8 | d}", f"{a}.{b << 16 | c << 8 | d}", str(number), f"{address}.")
    yield from (f"{number:#x}", f"{number:#X}", f"0{number:o}", f"0o{number:o}", f"{number:#034b}", f"{number:012d}")
    yield from (f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a:#04x}.{b}.{c}.{d}")
    yield from (
        f"{a:03d}.{b:03d}.{c:03d}.{d:03d}",
        f"0{a:o}.{b}.{c}.{d}",
        f"{a + 256}.{b}.{c}.{d}",
        f"{number + 2**32}",
    )
    yield from ("".join(chr(0xFF10 + int(each)) if each.isdigit() else each for each in address),)
    yield from (address.replace(".", dot) for dot in "。．｡%․")
    yield from ("".join("⓪①②③④⑤⑥⑦⑧⑨"[int(each)] if each.isdigit() else each for each in address),)
    yield from ("".join(chr(0x660 + int(each)) if each.isdigit() else each for each in address),)
    yield "".join(f"%{ord(each):02x}" for each in address)
    yield from (f"{address}.nip.io", f"{NAME}.{address}.nip.io", address.replace(".", "-") + ".sslip.io")
    yield from of_ipv6(number)


def of_ipv6(number: int) -> Iterator[str]:
    """IPv6 addresses that carry an IPv4 one: mapped, compatible, NAT64, 6to4, Teredo, ISATAP."""
    high, low = number >> 16, number & 0xFFFF
    carried = (
        0xFFFF << 32 | number, number, 0x64FF9B << 96 | number, 0x64FF9B0001 << 80 | number, 0xFFFF << 48 | number,
        0x2002 << 112 | number << 80, 0x20010000 << 96 | (number ^ 0xFFFFFFFF), 0xFE80 << 112 | 0x5EFE << 32 | number,
    )  # fmt: skip
    for each in carried:
        yield from (f"[{IPv6Address(each)}]", f"[{IPv6Address(each).exploded}]")
    yield from (f"[::ffff:{IPv4Address(number)}]", f"[::{IPv4Address(number)}]", f"[::FFFF:{high:X}:{low:X}]")
    yield from (f"[::ffff:{IPv4Address(number)}%25lo]", f"[::ffff:{high:x}:{low:x}%lo]")


LOCAL_NAMES = (
    "localhost", "localhost.", "LOCALHOST", "localhost.localdomain", "ip6-localhost", "foo.localhost", "loc%61lhost",
    "ⓛocalhost", "locaⅼhost", "local\u00adhost", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[::1%lo]", "[fe80::1%25eth0]",
    "[fd00::1]", "[fec0::1]", "[ff02::1]", "[v1.127.0.0.1]", "metadata", "metadata.google.internal", "0", "127.1", "127.0.1", "0x7f.1", "0177.1",
)  # fmt: skip


def around(host: str, port: int) -> Iterator[str]:
    """A host in the places of a URL in which one reader or another looks for it."""
    yield from (f"https://{host}/", f"https://{host}:{port}/", f"http://{host}:{port}/", f"https://{host}:443/a.mp3")


def disguises(port: int) -> Iterator[str]:
    """The listed name where one reader sees it, and loopback where another does."""
    inner = f"127.0.0.1:{port}"
    for mark in (
        "@",
        ":443@",
        ":x@",
        "%40",
        "\\@",
        "/\\@",
        "#@",
        "?@",
        "%23@",
        "%2f@",
        "%00@",
        "\t@",
        "\n@",
        "\r\n@",
        " @",
    ):
        if mark not in ("#@", "?@"):  # behind its own "#" or "?" the listed name is the host for every reader
            yield f"https://{NAME}{mark}{inner}/"
        yield f"https://{inner}{mark}{NAME}/"
    for mark in (
        "\\",
        "/\\",
        "\\\\",
        "%5c",
        "%2f",
        "%252f",
        ";",
        ",",
        "&",
        "%00",
        "\x00",
        "\t",
        "\n",
        "\u2028",
        "\u3000",
        "%0d%0a",
        "*",
        "|",
    ):
        yield from (f"https://{inner}{mark}{NAME}/", f"https://{NAME}{mark}{inner}/", f"https:{mark}{inner}/")
    for scheme in [
        "http",
        "ftp",
        "file",
        "gopher",
        "dict",
        "ldap",
        "tftp",
        "jar",
        "ws",
        "wss",
        "data",
        "javascript",
        "netdoc",
        "sftp",
        "httpss",
        "unix",
    ]:
        yield from (f"{scheme}://{inner}/", f"{scheme}://{NAME}:{port}/", f"{scheme}:{inner}", f"{scheme}:///{inner}")
    yield from (
        f"//{inner}/",
        f"///{inner}/",
        f"https:/{inner}/",
        f"https:{inner}",
        f"https:///{inner}/",
        f"\\\\{inner}\\",
        inner,
    )
    for odd in (
        ":0",
        ":00443",
        ":+443",
        ":443:443",
        ":-1",
        ":65979",
        ":４４３",
        ":",
        ":80",
        f":{port}",
        ":1e3",
        ".",
        ".:443",
        "..",
        "%2e",
    ):
        yield f"https://{NAME}{odd}/"
    for name in (
        f"evil{NAME}",
        f"{NAME}.evil.test",
        f"{NAME}。",
        "cdn1。suno。ai",
        "cdn1.suno．ai",
        "сdn1.suno.ai",
        "xn--.example.net",
        "*.example.net",
        "_a.example.net",
        ".example.net",
        "a..example.net",
        "example.net",
    ):
        yield f"https://{name}/"


def spellings(port: int) -> list[str]:
    hosts = itertools.chain(*(of_ipv4(address) for address in INSIDE), LOCAL_NAMES)
    made = itertools.chain((url for host in hosts for url in around(host, port)), disguises(port))
    return list(dict.fromkeys(made))


def refused(url: str, into, origin: str = "", **options) -> bool:
    try:
        fetch(url, into, rules=Rules(HOSTS, (origin,) if origin else ()), max_bytes=1000, deadline=5, **options)
    except FetchError as failure:
        return failure.code == "URL_REFUSED"
    return False


def test_no_spelling_leads_inwards(canary, tmp_path):
    urls = spellings(canary.port)
    asked = []
    open_ = [
        url for url in urls if not refused(url, tmp_path / "x", resolve=lambda host, port: asked.append(host) or [])
    ]
    print(f"{len(urls)} spellings, {canary.hits} heard by the canary")
    assert len(urls) >= 500
    assert (open_, asked, canary.hits) == ([], [], 0)


def redirected_away(url: str, origin: str) -> bool:
    """Whether a redirect there leaves the server that sends it: a relative one stays, whatever it looks like."""
    return not fetching._joined(f"{origin}/", url).startswith(f"{origin}/")


def test_no_redirect_leads_inwards(canary, provider, tmp_path):
    urls = [url for url in spellings(canary.port) if not set("\r\n\x00") & set(url) and url.isascii()]
    urls = [url for url in urls if redirected_away(url, provider.origin)]
    open_ = []
    for url in urls:
        provider.behave("/suno/away.mp3", Behaviour("redirect", url))
        if not refused(f"{provider.origin}/suno/away.mp3", tmp_path / "x", provider.origin):
            open_.append(url)
    print(f"{len(urls)} redirects, {canary.hits} heard by the canary")
    assert len(urls) >= 500
    assert (open_, canary.hits) == ([], 0)


INNER = [*INSIDE, "::1", "::", "fe80::1", "fd00::1", "fec0::1", "ff02::1"]
INNER += [host.strip("[]") for address in INSIDE for host in of_ipv6(int(IPv4Address(address))) if "%" not in host]


def test_no_name_that_turns_inwards_is_followed(canary, tmp_path, monkeypatch):
    """Whatever the name server says, the address that was checked is the one that is dialled, and all must be public."""
    dialled = []

    def dial(address: str, port: int, timeout: float) -> httpcore.NetworkStream:
        dialled.append(address)
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", canary.port, timeout=timeout)

    monkeypatch.setattr(fetching, "_dial", dial)
    public = "93.184.215.14"
    answers = [mix for inner in dict.fromkeys(INNER) for mix in ([inner], [public, inner], [inner, public])]
    open_ = [
        mix for mix in answers if not refused(f"https://{NAME}/a", tmp_path / "x", resolve=lambda *_, mix=mix: mix)
    ]
    print(f"{len(answers)} answers of a name server, {canary.hits} heard by the canary")
    assert (open_, dialled, canary.hits) == ([], [], 0)


@pytest.mark.django_db
def test_no_spelling_is_registered(as_, ana, canary):
    """POST /tracks says at once what the fetcher would say: of every fifth spelling, in each of its places."""
    make_providers()
    client, fields = as_(ana), itertools.cycle(("audio_url", "cover_url", "video_url"))
    for number, (url, field) in enumerate(zip(spellings(canary.port)[::5], fields, strict=False)):
        body = {"provider": "suno", "provider_track_id": f"c{number}", "title": "x", "audio_url": f"https://{NAME}/a"}
        answer = client.post("/api/v1/tracks", {**body, field: url}, format="json")
        assert answer.status_code == 400, (url, answer.content)
    assert canary.hits == 0


@given(st.ip_addresses() | st.sampled_from(NOT_PUBLIC).flatmap(lambda network: st.ip_addresses(network=network)))
def test_an_address_is_public_only_outside_of_every_network_that_is_not(address):
    inside = any(address in network for network in NOT_PUBLIC if network.version == address.version)
    outside = address.version == 4 or address in GLOBAL_UNICAST
    assert is_public(str(address)) == (outside and not inside)
    assert not is_public(f"::ffff:{address}" if address.version == 4 else f"{address}%lo")


@given(st.ip_addresses(v=4))
def test_no_ipv6_address_that_carries_an_ipv4_one_is_public(address):
    for host in of_ipv6(int(address)):
        assert not is_public(host.strip("[]")), host
    assert not is_public(str(ip_address(int(ip_network("2002::/16").network_address) | int(address) << 80)))
