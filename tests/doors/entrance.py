"""The two doors by which people come in, spoken to alike: the pages, and allauth's JSON."""

import itertools
import re
from urllib.parse import unquote

from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from django.core import mail
from django.http import HttpResponse
from django.test import Client

from apps.accounts.models import User
from tests.make import PASSWORD

JSON = "/_allauth/browser/v1"
NEW = "glass orchard seven"
KEY = re.compile(r"/(?:verify-email|reset-password)/(\S+)")
_numbers = itertools.count(1)


class Pages:
    """What a person does with forms."""

    def sign_in(self, client: Client, email: str, password: str = PASSWORD) -> HttpResponse:
        return client.post("/sign-in", {"login": email, "password": password})

    def sign_up(self, client: Client, email: str, password: str = PASSWORD, **more) -> HttpResponse:
        return client.post("/sign-up", {"email": email, "password1": password, **more})

    def verify(self, client: Client, key: str) -> HttpResponse:
        return client.post(f"/verify-email/{key}")

    def forget(self, client: Client, email: str) -> HttpResponse:
        return client.post("/reset-password", {"email": email})

    def reset(self, client: Client, key: str, password: str = NEW) -> HttpResponse:
        """The link is opened, which leads on to a form without the key in its address."""
        form = client.get(f"/reset-password/{key}", follow=True).request["PATH_INFO"]
        return client.post(form, {"password1": password, "password2": password})

    def change_password(self, client: Client, old: str, new: str = NEW) -> HttpResponse:
        return client.post("/account/password", {"oldpassword": old, "password1": new, "password2": new})

    def change_email(self, client: Client, email: str) -> HttpResponse:
        return client.post("/account/email", {"email": email, "action_add": ""})

    def confirm(self, client: Client, password: str = PASSWORD) -> HttpResponse:
        return client.post("/account/confirm", {"password": password})

    def enter_code(self, client: Client, code: str) -> HttpResponse:
        return client.post("/sign-in/code", {"code": code})


class Programs:
    """What a page's script does with JSON."""

    def sign_in(self, client: Client, email: str, password: str = PASSWORD) -> HttpResponse:
        return self._post(client, "auth/login", email=email, password=password)

    def sign_up(self, client: Client, email: str, password: str = PASSWORD, **more) -> HttpResponse:
        return self._post(client, "auth/signup", email=email, password=password, **more)

    def verify(self, client: Client, key: str) -> HttpResponse:
        return self._post(client, "auth/email/verify", key=key)

    def forget(self, client: Client, email: str) -> HttpResponse:
        return self._post(client, "auth/password/request", email=email)

    def reset(self, client: Client, key: str, password: str = NEW) -> HttpResponse:
        return self._post(client, "auth/password/reset", key=key, password=password)

    def change_password(self, client: Client, old: str, new: str = NEW) -> HttpResponse:
        return self._post(client, "account/password/change", current_password=old, new_password=new)

    def change_email(self, client: Client, email: str) -> HttpResponse:
        return self._post(client, "account/email", email=email)

    def confirm(self, client: Client, password: str = PASSWORD) -> HttpResponse:
        return self._post(client, "auth/reauthenticate", password=password)

    def enter_code(self, client: Client, code: str) -> HttpResponse:
        return self._post(client, "auth/2fa/authenticate", code=code)

    def _post(self, client: Client, path: str, **body) -> HttpResponse:
        return client.post(f"{JSON}/{path}", body, content_type="application/json")


DOORS = pages, programs = [Pages(), Programs()]


def browser(address: str = "192.0.2.1", **more) -> Client:
    """Somebody's browser at an address of the network."""
    return Client(REMOTE_ADDR=address, **more)


def who(client: Client) -> str | None:
    """The e-mail address of whoever is signed in there, as the site tells it."""
    return client.get(f"{JSON}/auth/session").json().get("data", {}).get("user", {}).get("email")


def codes(answer: HttpResponse) -> list[str]:
    """The codes by which the JSON door refuses."""
    body = answer.json()
    return [error["code"] for error in body.get("errors", [])] or [body.get("code", "")]


def key_in_letter(number: int = -1) -> str:
    """The token of the link in a letter, the newest one unless said otherwise."""
    return unquote(KEY.search(mail.outbox[number].body)[1])


def signed_in(door, user: User, *, password: str = PASSWORD, **more) -> Client:
    """A browser in which this person has just said the password, twice."""
    client = browser(**more)
    door.sign_in(client, user.email, password)
    door.confirm(client, password)
    assert who(client) == user.email
    return client


def claim(email: str, **more) -> User:
    """Somebody signs up and never reads the letter."""
    Pages().sign_up(browser(f"203.0.113.{next(_numbers)}"), email, **more)
    return User.objects.get(email=email)


def turn_on(user: User) -> str:
    """The secret of a second factor that this person has had for long."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code_of(secret: str) -> str:
    """What the app shows now."""
    return format_hotp_value(hotp_value(secret, next(iter(counters()))))


def wrong_code_of(secret: str) -> str:
    return f"{(int(code_of(secret)) + 1) % 1_000_000:06}"
