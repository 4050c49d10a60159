"""What allauth asks the house: who is let in, what a password and an address may become, how a letter looks.

The flows, forms and tokens of signing up and in, of addresses, passwords and second factors are allauth's; here are
the house's rules about them.
"""

import datetime as dt
import math

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.email_verification import get_address_for_user
from allauth.account.internal.flows.signup import prevent_enumeration, send_unknown_account_mail
from allauth.account.internal.stagekit import clear_login
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import is_headless_request
from allauth.headless.base.response import AuthenticationResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from apps.accounts import actions, lockout, rescue, sessions
from apps.accounts.access import may
from apps.accounts.backends import holder_of
from apps.accounts.models import User
from apps.lib import client
from apps.lib.errors import Conflict
from apps.lib.seal import seal, unseal

LONGEST = User._meta.get_field("email").max_length
# In the session, from the right password until somebody is signed in.
PROVEN = "proven"
# Letters that anybody can have sent to anybody.
UNASKED = {"password_reset_key", "unknown_account", "account_already_exists"}


class Accounts(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "This e-mail address and password do not match. "
        "If you have just signed up, follow the link in our letter first. "
        "If you signed up more than once, reset the password after that.",
        "too_many_login_attempts": "Too many wrong codes. Wait five minutes, then take the newest one.",
        "enter_current_password": "This is not your current password.",
        "incorrect_password": "This is not your password.",
        "duplicate_email": "This address is on your account already.",
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        return client.address(request)

    def clean_email(self, email: str) -> str:
        """Every form of allauth that looks an address up, but the one to sign in, asks here first."""
        if len(email) > LONGEST:
            raise ValidationError(f"An e-mail address has {LONGEST} characters at most.", code="max_length")
        looked_up(self.request)
        return email

    def pre_authenticate(self, request: HttpRequest, **credentials) -> None:
        """Every try counts before it is looked at."""
        looked_up(request)
        try:
            lockout.count(email=credentials.get("email", ""), address=client.address(request))
        except lockout.Locked as locked:
            raise ValidationError(_wait(locked.until), code="too_many_login_attempts") from locked

    def authenticate(self, request: HttpRequest, **credentials) -> User | None:
        """An address that nobody proved is answered like a wrong password, and sent its letter again.

        Else whoever signs up with somebody's address could tell by signing in whether it was unknown before.
        """
        user = super().authenticate(request, **credentials)
        if user is not None and not rescue.is_verified(user=user):
            get_address_for_user(user).send_confirmation(request)
            return None
        if user is not None:
            lockout.succeeded(email=credentials.get("email", ""), address=client.address(request))
        return user

    def pre_login(self, request: HttpRequest, user: User, **kwargs) -> HttpResponse | None:
        """Between the password and the end of signing in may lie a letter or a code: what was proven is remembered."""
        request.session[PROVEN] = user.get_session_auth_hash()
        return super().pre_login(request, user, **kwargs)

    def login(self, request: HttpRequest, user: User) -> None:
        """Nobody comes in who was switched off, or whose password was changed, while they waited for letter or code."""
        still = User.objects.filter(pk=user.pk, is_active=True).first()
        proven = request.session.pop(PROVEN, "")
        if still is None or not constant_time_compare(proven, still.get_session_auth_hash()):
            clear_login(request)
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))
        super().login(request, user)

    def save_user(self, request: HttpRequest, user: User, form, commit: bool = True) -> User:
        """A person who signs up comes by `register` like everybody else."""
        facts = form.cleaned_data
        try:
            made = actions.register(
                email=facts["email"], password=facts.get("password1") or facts.get("password"),
                username=facts.get("profile_username", ""),
            )  # fmt: skip
        except IntegrityError as taken:
            # Somebody was faster with this address: answered as if it had been known all along.
            answer = prevent_enumeration(request, email=facts["email"])
            if is_headless_request(request):
                answer = AuthenticationResponse.from_response(request, answer)
            raise ImmediateHttpResponse(answer) from taken
        user.__dict__.update(made.__dict__)
        return user

    @transaction.atomic
    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Once per address: of twenty requests with one link the first to hold the row confirms (S4-10)."""
        # The account first, like everything that locks both.
        User.objects.select_for_update().filter(pk=email_address.user_id).first()
        row = EmailAddress.objects.select_for_update().filter(pk=email_address.pk, verified=False).first()
        if row is None:
            raise Conflict("This link was used already. Sign in.")
        actions.give_way(email=row.email, to=row.user)
        if not super().confirm_email(request, email_address):
            raise Conflict("This address belongs to another account by now.")
        actions.verified(user=email_address.user)
        return True

    def set_password(self, user: User, password: str) -> None:
        """A new password, and every other session ends. Conflict when the password was changed meanwhile (S4-10).

        Tries at the old one from here are given back. Wrong codes of the second factor are given back to who knew the
        old password alone: whoever has only the mail could else reset it again and again, and guess on.
        """
        own = user is self.request.user  # a reset comes with a person read anew, whoever is signed in
        if not own and self.request.user == user:
            logout(self.request)
        actions.set_password(user=user, password=password, keep=self.request.session.session_key if own else None)
        lockout.succeeded(email=user.email, address=client.address(self.request))
        if own:
            ratelimit.clear(self.request, action="login_failed", key=f"mfa-auth-user-{user.pk}")

    def is_safe_url(self, url: str) -> bool:
        """Whether `next` may lead there: to a path of this site, never to a whole address, not even to our own."""
        return url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """What anybody can cause comes a few times only; the letters that came hold a link that works."""
        kind = template_prefix.rpartition("/")[2]
        if kind not in UNASKED or self._may_send(f"{kind}:{email}"):
            super().send_mail(template_prefix, email, {**context, "site_url": settings.SITE_URL})

    def send_confirmation_mail(self, request: HttpRequest, emailconfirmation, signup: bool) -> None:
        """Limited by the row that it is about: who claims the same address elsewhere uses up nothing of it."""
        if self._may_send(f"confirm:{emailconfirmation.email_address.pk}"):
            super().send_confirmation_mail(request, emailconfirmation, signup)

    def send_account_already_exists_mail(self, email: str) -> None:
        """The one place that every further sign-up comes to, at either door. To an unproven account: see `doubt`."""
        User().set_password("")  # a new account costs a hash, and under load a clock would tell the two apart
        claimed = actions.doubt(email=email)
        row = EmailAddress.objects.filter(user=claimed, email=claimed.email).first() if claimed else None
        if row is None:  # or made at this moment by the first sign-up, whose own letter holds the link
            super().send_account_already_exists_mail(email)
        else:
            row.send_confirmation(self.request, signup=True)

    def send_password_reset_mail(self, user: User, email: str, context: dict) -> None:
        """Only to the account's own address: one that it merely asked to change to is not proven to be theirs."""
        if user.email == email:
            super().send_password_reset_mail(user, email, context)
        elif holder_of(email) is None:
            send_unknown_account_mail(self.request, email)

    def send_notification_mail(self, template_prefix: str, user: User, context: dict | None = None, email=None) -> None:
        """Every flow ends here, on whichever door it began, so this is where a new second factor ends other sessions.

        They came in without it, and one of them may be why it was turned on.
        """
        if template_prefix == "mfa/email/totp_activated":
            sessions.end_others(user=user, keep=self.request.session.session_key)
        super().send_notification_mail(template_prefix, user, context, email)

    def _may_send(self, what: str) -> bool:
        """Staff who help are not limited: a stranger may have used up the limit."""
        if self.request is None or may(self.request.user, "accounts.change_user"):
            return True
        return ratelimit.consume(self.request, action="letter", key=what)


def looked_up(request: HttpRequest | None) -> None:
    """From here on the answer tells of an address, known or not: `config.limits.even_time` heeds the mark."""
    if request is not None:
        request.looked_up = True


def _wait(until: dt.datetime) -> str:
    minutes = math.ceil((until - timezone.now()).total_seconds() / 60)
    how_long = f"{minutes} min" if minutes < 120 else f"{math.ceil(minutes / 60)} h"
    return f"Too many wrong passwords from here. Wait {how_long}, or reset the password."


class SecondFactor(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right. The app shows a new one every 30 seconds.",
    }

    def encrypt(self, text: str) -> str:
        """TOTP secrets and recovery codes lie sealed."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)
