"""Whoever changes a password proves the old one first, and every try counts as one to sign in does.

A stolen session must not be a place to guess in peace. allauth's own forms compare and do not count.
"""

from allauth.account import forms
from allauth.account.adapter import get_adapter
from allauth.headless.account import inputs, views

from apps.accounts.models import User


class ChangePassword(forms.ChangePasswordForm):
    """The page's."""

    def clean_oldpassword(self) -> str:
        return proven(self.user, self.cleaned_data["oldpassword"])


class ChangePasswordInput(inputs.ChangePasswordInput):
    """The JSON door's."""

    def clean_current_password(self) -> str:
        password = self.cleaned_data["current_password"]
        return proven(self.user, password) if password else password


class ChangePasswordView(views.ChangePasswordView):
    input_class = ChangePasswordInput


def proven(user: User, password: str) -> str:
    """The password, when it is theirs; else the form's error, or the lock-out's."""
    adapter = get_adapter()
    if not adapter.reauthenticate(user, password):
        raise adapter.validation_error("enter_current_password")
    user.refresh_from_db(fields=["password"])  # an old hash was upgraded on the way
    return password


change_password = ChangePasswordView.as_api_view(client="browser")
