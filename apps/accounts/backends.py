"""Sign-in by e-mail; what a person may do follows from roles alone."""

from django.contrib.auth.backends import BaseBackend

from apps.accounts.models import User


class EmailBackend(BaseBackend):
    def authenticate(self, request, username: str | None = None, password: str | None = None, **credentials):
        """The person, or None; an unknown address costs the same hashing time as a wrong password."""
        email = username or credentials.get("email")
        if not email or password is None:
            return None
        user = User.objects.filter(email__iexact=email.strip()).first()
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id):
        return User.objects.filter(pk=user_id, is_active=True).first()
