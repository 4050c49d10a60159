"""How letters leave the house, as one URL: plain Python, because settings read it before any app is loaded."""

import re
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

# A mail server that says nothing for so long is away.
TIMEOUT_S = 15
SMTP = "django.core.mail.backends.smtp.EmailBackend"
CONSOLE = "apps.lib.console.Console"

_PORTS = {("smtps", False): 465, ("smtp", True): 587, ("smtp", False): 25}
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


def backend_from_url(url: str) -> dict:
    """What `get_connection` takes, made of an EMAIL_URL; a ValueError names what is wrong, not the password.

    `smtp://USER:PASSWORD@host:587?tls=1` (STARTTLS, the default; `tls=0` on a network of one's own),
    `smtps://USER:PASSWORD@host:465`, each part percent-encoded and user and password optional. `console://` prints
    letters instead, `console:///absolute/file` appends them there.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _wrong("the host part cannot be read; percent-encode the user and the password") from None
    if "#" in url:
        raise _wrong("it holds a '#'; write it as %23")
    if parts.scheme == "console":
        return _console(parts)
    if parts.scheme in ("smtp", "smtps"):
        return _smtp(parts)
    raise _wrong("it must start with console://, smtp:// or smtps://")


def sender(value: str) -> str:
    """The address that letters come from, as it was given; a ValueError when no mail server would take it."""
    address = parseaddr(value)[1]
    if not _ADDRESS.fullmatch(address) or "\n" in value or "\r" in value:
        raise ValueError("EMAIL_FROM is wrong: it must be an address such as Keeptrack <keeptrack@example.org>.")
    return value


def _console(parts: SplitResult) -> dict:
    path = Path(unquote(parts.path))
    if parts.netloc or parts.query:
        raise _wrong("it is console:// alone, or console:///absolute/file")
    if not parts.path:
        return {"backend": CONSOLE}
    if not path.is_absolute() or ".." in path.parts or path == Path("/"):
        raise _wrong("the console's file needs an absolute path without '..'")
    return {"backend": CONSOLE, "path": str(path)}


def _smtp(parts: SplitResult) -> dict:
    starttls = _starttls(parts)
    host, port = _host(parts)
    if parts.path not in ("", "/"):
        raise _wrong("nothing may follow the host but ?tls=; write a '/' in the password as %2F")
    if bool(parts.username) != bool(parts.password):
        raise _wrong("the user or the password is missing: smtp://USER:PASSWORD@host")
    return {
        "backend": SMTP,
        "host": host,
        "port": port or _PORTS[parts.scheme, starttls],
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_tls": starttls,
        "use_ssl": parts.scheme == "smtps",
        "timeout": TIMEOUT_S,
    }


def _starttls(parts: SplitResult) -> bool:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if options and parts.scheme == "smtps":
        raise _wrong("smtps:// takes no options, it is TLS from the first byte")
    if set(options) - {"tls"} or options.get("tls", "1") not in ("0", "1"):
        raise _wrong("its one option is tls, which is 1 or 0")
    return parts.scheme == "smtp" and options.get("tls", "1") == "1"


def _host(parts: SplitResult) -> tuple[str, int | None]:
    try:
        host, port = parts.hostname, parts.port
    except ValueError:  # its words would repeat a part of the password when an '@' or '/' in it was not encoded
        raise _wrong("the port is not a number; percent-encode '/', '@' and ':' in the password") from None
    if not host:
        raise _wrong("the host is missing: smtp://USER:PASSWORD@host")
    return host, port


def _wrong(what: str) -> ValueError:
    return ValueError(f"EMAIL_URL is wrong: {what}.")
