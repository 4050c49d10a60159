"""Passwords that were hashed elsewhere (S4-08)."""

import bcrypt
import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, is_password_usable

from apps.accounts.hashers import LegacyBcrypt
from apps.accounts.models import User
from config import settings as written
from tests.doors.entrance import DOORS, browser, who
from tests.make import PASSWORD

pytestmark = pytest.mark.django_db

# What `tests/conftest.py` replaces by a quick one.
SLOW = ["django.contrib.auth.hashers.ScryptPasswordHasher", "apps.accounts.hashers.LegacyBcrypt"]


@pytest.fixture(autouse=True)
def real_hashers(settings):
    settings.PASSWORD_HASHERS = SLOW


def hashed(password: str, prefix: str = "2b", cost: int = 4) -> str:
    encoded = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(cost)).decode()
    return encoded.replace("$2b$", f"${prefix}$", 1)


def stored(user: User) -> str:
    return User.objects.get(pk=user.pk).password


def comes_in(door, user: User, password: str) -> bool:
    client = browser()
    door.sign_in(client, user.email, password)
    return who(client) == user.email


def test_the_site_hashes_with_scrypt_and_reads_bcrypt():
    """As written: the tests run with a quick hasher."""
    assert written.PASSWORD_HASHERS[0] == SLOW[0] and SLOW[1] in written.PASSWORD_HASHERS


@pytest.mark.parametrize("door", DOORS)
def test_an_old_hash_is_accepted_and_upgraded_by_the_sign_in(door, ana):
    """As the older system wrote it: `$2b$10$…`."""
    User.objects.update(password=hashed(PASSWORD, cost=10))
    assert stored(ana).startswith("$2b$10$")
    assert not comes_in(door, ana, "wrong") and stored(ana).startswith("$2b$10$")
    assert comes_in(door, ana, PASSWORD) and stored(ana).startswith("scrypt$")
    assert comes_in(door, ana, PASSWORD)


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
@pytest.mark.parametrize("password", ["x", "pässwörd ✓", "long " * 30, "\t spaces "])
def test_every_kind_of_old_hash_is_read(prefix, password):
    encoded = hashed(password, prefix)
    assert check_password(password, encoded)
    assert not check_password(f"-{password}", encoded)
    assert is_password_usable(encoded) and isinstance(identify_hasher(encoded), LegacyBcrypt)


def test_of_a_long_password_the_first_72_bytes_were_hashed():
    """What lies behind them was never compared; the upgrade takes the whole."""
    encoded = hashed("x" * 72)
    assert check_password("x" * 72 + "more", encoded) and not check_password("x" * 71, encoded)


def test_an_upgrade_takes_the_whole_password(ana):
    User.objects.update(password=hashed("x" * 72))
    assert comes_in(DOORS[0], ana, "x" * 80) and not comes_in(DOORS[0], ana, "x" * 72)


@pytest.mark.parametrize(
    "broken",
    ["", "$", "$2b$", "$2b$10$", "$2b$99$" + "a" * 53, "$2b$04$" + "!" * 53, "$2b$04$tooshort", "$1$abc$def", "é",
     "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "garbage", "scrypt$", "scrypt$x$y$z", "scrypt$1$s$x$y$h",
     "pbkdf2_sha256$x", "!", "a" * 32, "md5$$" + "a" * 32, "$2b$04$" + "é" * 53],
)  # fmt: skip
def test_a_broken_hash_lets_nobody_in_and_breaks_nothing(broken, ana):
    User.objects.update(password=broken)
    for password in (PASSWORD, broken):
        assert not comes_in(DOORS[1], ana, password)
    assert stored(ana) == broken


def test_a_password_with_a_nul_is_no_password(ana):
    User.objects.update(password=hashed("a\x00b"))
    assert not comes_in(DOORS[0], ana, "a\x00b") and not comes_in(DOORS[1], ana, "a\x00c")


def test_old_hashes_are_never_made():
    with pytest.raises(NotImplementedError):
        LegacyBcrypt().encode("x", "salt")


def test_an_old_hash_is_shown_masked():
    shown = LegacyBcrypt().safe_summary(hashed("x"))
    assert shown["algorithm"] == "bcrypt" and shown["hash"].endswith("*" * 10)
