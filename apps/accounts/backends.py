"""Sign-in by e-mail; what a person may do follows from roles alone."""

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import check_password
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from apps.accounts import asking
from apps.accounts.models import User


class EmailBackend(BaseBackend):
    def authenticate(self, request, username: str | None = None, password: str | None = None, **credentials):
        """The person, or None; an unknown address costs the same hashing time as a wrong password."""
        email = username or credentials.get("email")
        if not email or password is None:
            return None
        # JSON may hold half a character, which no hasher takes: it is wrong like any other password.
        password = password.encode("utf-8", "replace").decode()
        user = holder_of(email)
        if user is None:
            User().set_password(password)
            return None
        return user if matches(user, password) and user.is_active else None

    def get_user(self, user_id):
        return asking.person(user_id)


def holder_of(email: str) -> User | None:
    """Whose account has this address, in whatever case (S4-17).

    It is lowered here and compared as it is: PostgreSQL's UPPER makes one letter of several (`\u017f` and `s`), and a
    guesser would have a count of their own for each way to write an address.
    """
    return User.objects.filter(Exact(Lower("email"), email.strip().lower())).first()


def matches(user: User, password: str) -> bool:
    """Whether it is the password; a hash that is broken matches nothing.

    An old hash is upgraded, but never over a password that was set at this moment. Of several sign-ins at once one
    upgrades it; the others take its hash over, for their sessions hang on the one that is stored.
    """

    def upgrade(password: str) -> None:
        old = user.password
        user.set_password(password)
        user._password = None  # it is the same password: nobody is to be told of a change
        rows = User.objects.filter(pk=user.pk)
        if not rows.filter(password=old).update(password=user.password):
            stored = rows.values_list("password", flat=True).first()
            user.password = stored if check_password(password, stored) else old

    try:
        return check_password(password, user.password, upgrade)
    except (ValueError, AssertionError, OverflowError):
        return False
