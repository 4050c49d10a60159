"""Forms of the account pages."""

from django import forms
from django.contrib.auth.password_validation import validate_password

from apps.accounts.backends import holder_of
from apps.accounts.models import Profile, User


class SignUp(forms.Form):
    """What a new person chooses beside address and password."""

    # A field called `username` would be allauth's own, which it drops for a user model without such a column.
    profile_username = forms.CharField(
        label="Username",
        max_length=30,
        required=False,
        help_text="Shown to everybody. Left empty, one is made from the address.",
    )

    def clean_profile_username(self) -> str:
        username = self.cleaned_data["profile_username"].strip()
        row = Profile(username=username)
        try:
            if username:
                row.clean_fields(exclude=[f.name for f in Profile._meta.fields if f.name != "username"])
                row.validate_constraints(exclude=["user"])
        except forms.ValidationError as refused:
            raise forms.ValidationError(refused.messages) from refused
        return username

    def clean(self) -> dict:
        """An address is taken by the account that has it, not by one that only asked to change to it."""
        cleaned = super().clean()
        email, password = cleaned.get("email"), cleaned.get("password")
        if email:
            self.account_already_exists = holder_of(email) is not None
        if password:  # the JSON door's; the page's is looked at beside the address already
            validate_password(password, User(email=email or ""))
        return cleaned

    def signup(self, request, user) -> None:
        """Everything was done by `actions.register`."""
