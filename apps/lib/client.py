"""Who is on the other end of a request."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

# Some proxies write the port too: `192.0.2.1:50000`, `[2001:db8::1]:50000`.
WITH_PORT = re.compile(r"\[(?P<six>[^]]*)\](:\d+)?|(?P<four>[\d.]+):\d+", re.ASCII)


def address(request: HttpRequest) -> str:
    """The client's IP address. Behind a proxy of ours the last entry of X-Forwarded-For, which that proxy wrote."""
    said = request.META.get("REMOTE_ADDR") or ""
    if settings.BEHIND_PROXY:
        said = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or said
        if parts := WITH_PORT.fullmatch(said):
            said = parts["six"] or parts["four"] or said
    try:
        found = ipaddress.ip_address(said.partition("%")[0])
    except ValueError:
        return "0.0.0.0"
    return str(getattr(found, "ipv4_mapped", None) or found)


def network(address: str) -> str:
    """What counts as one place: an IPv4 address, the /64 of an IPv6 address, which one household owns in full."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address) + "/64"
