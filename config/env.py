"""The only reader of the environment.

Every value is read once, parsed to its type, and a wrong one stops the start with the variable's name, what was
expected and never the value of a secret.
"""

import os
import secrets
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def wrong(name: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}: expected {expected}. Correct it or unset it to use the default.")


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in TRUE:
        return True
    if value.strip().lower() in FALSE:
        return False
    raise wrong(name, "1 or 0")


def number(name: str, default: int, *, least: int = 0, most: int = 2**63 - 1) -> int:
    value = text(name)
    if not value:
        return default
    try:
        parsed = int(value)
    except ValueError:
        parsed = least - 1
    if not least <= parsed <= most:
        raise wrong(name, f"a whole number from {least} to {most}")
    return parsed


def price(name: str, default: str) -> Decimal:
    """An amount of money from 0, such as 0.021."""
    try:
        value = Decimal(text(name, default))
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and 0 <= value < 1_000_000):
        raise wrong(name, "an amount such as 0.021")
    return value


def day(name: str, default: str) -> datetime:
    """A day, as the moment in which it begins, UTC."""
    try:
        return datetime.combine(date.fromisoformat(text(name, default)), time(), UTC)
    except ValueError:
        raise wrong(name, "a day such as 2027-06-30") from None


def choice(name: str, default: str, *, of: tuple[str, ...]) -> str:
    """One of these words, in any case."""
    value = text(name, default).upper()
    if value not in of:
        raise wrong(name, f"one of {', '.join(of)}")
    return value


def words(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A comma-separated list; blanks are dropped."""
    value = os.environ.get(name)
    if value is None:
        return default
    return tuple(part.strip() for part in value.split(",") if part.strip())


def pairs(name: str, *, of: tuple[str, ...] = ()) -> dict[str, str]:
    """`a=1,b=2` as a mapping; with `of`, to one of these words each."""
    found = [part.partition("=") for part in words(name)]
    if not all(key and value and (not of or value.strip() in of) for key, _, value in found):
        raise wrong(name, f"pairs such as a={'|'.join(of)},…" if of else "pairs such as a=1,b=2")
    return {key.strip(): value.strip() for key, _, value in found}


def limits(name: str, default: dict[str, int]) -> dict[str, int]:
    """`read=600,write=0` over the defaults, by whose names they are known: whole numbers from 0."""
    said = pairs(name)
    if not all(key in default and value.isdecimal() and len(value) < 10 for key, value in said.items()):
        raise wrong(name, f"pairs such as {next(iter(default))}=600, of {', '.join(default)}")
    return default | {key: int(value) for key, value in said.items()}


def folder(name: str, default: Path) -> Path:
    return Path(text(name, str(default))).expanduser().resolve()


def url(name: str, default: str, *, schemes: tuple[str, ...]) -> str:
    value = text(name, default)
    if _parts(name, value).scheme not in schemes:
        raise wrong(name, "an address that starts with " + " or ".join(f"{s}://" for s in schemes))
    return value


def api(name: str, default: str, *, exempt: tuple[str, ...]) -> str:
    """Where somebody's API is: https, or one of the origins that a demo or a test may reach."""
    value = url(name, default, schemes=("https", "http")).rstrip("/")
    parts = _parts(name, value)
    at = f"{parts.scheme}://{parts.netloc}"
    if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise wrong(name, "an address such as https://api.example.com")
    if at not in exempt and (parts.scheme != "https" or parts.port not in (None, 443)):
        raise wrong(name, "an https address on port 443, or an origin that KEEPTRACK_FETCH_ORIGINS names")
    return value


def token(name: str) -> str:
    """A key or secret as it travels in a header; one that could not is refused here, where nobody repeats it."""
    value = text(name)
    if not all("!" <= letter <= "~" for letter in value):
        raise wrong(name, "letters, digits and signs of ASCII without a space")
    return value


def call(name: str) -> str:
    """An address that this site calls, or nothing."""
    return url(name, "", schemes=("http", "https")) if text(name) else ""


def origins(name: str) -> tuple[str, ...]:
    """Exact origins such as http://127.0.0.1:8901, for what only a demo or a test may reach."""
    for origin in words(name):
        parts = _parts(name, origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
            raise wrong(name, "origins such as http://127.0.0.1:8901, separated by commas")
    return words(name)


def _parts(name: str, value: str) -> SplitResult:
    """The parser's own complaint is dropped: it would quote a part of a password that holds a bare `/` or `#`."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise wrong(name, "an address with a numeric port and every part of it percent-encoded") from None
    return parts


def secret(name: str, kept_in: Path) -> str:
    """The secret, or the content of the file that `<name>_FILE` names, or one made once and kept with mode 0600."""
    value = text(name)
    path = Path(text(f"{name}_FILE", str(kept_in)))
    if not value and path.exists():
        value = path.read_text().strip()
    elif not value and text(f"{name}_FILE"):
        raise wrong(f"{name}_FILE", "the path of a file that exists")
    elif not value:
        value = _keep(secrets.token_urlsafe(50), path)
    if len(value) < 32:
        raise wrong(name, "at least 32 characters")
    return value


def _keep(value: str, path: Path) -> str:
    """Two processes may start at once: the first one to create the file decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(value)
    try:
        os.link(draft, path)
    except FileExistsError:
        value = path.read_text().strip()
    finally:
        draft.unlink()
    return value
