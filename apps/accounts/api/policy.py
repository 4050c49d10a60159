"""Policies: every view of the API says with one who reads and who writes."""

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.accounts.access import lacks_second_factor, may
from apps.lib.errors import Forbidden, Refusal

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Of your choosing, one per act: saying the same request again gives the first answer for two days.",
)
ANYONE, SIGNED_IN = "anyone", "signed in"


def policy(
    *,
    read: str = SIGNED_IN,
    write: str = SIGNED_IN,
    scope: str = "write",
    read_scope: str = "read",
    reads: str = "read",
    writes: str = "",
) -> type[BasePermission]:
    """Who reads, who writes (`ANYONE`, `SIGNED_IN` or a permission), and the scopes a key needs to write and to read.

    `reads` is the rate limit that reading counts against: `media` where files are served. Writing counts against that
    of its scope, unless `writes` names another.
    """

    class Policy(BasePermission):
        declared = {
            "read": read, "write": write, "scope": scope, "read_scope": read_scope, "reads": reads,
            "writes": writes or scope,
        }  # fmt: skip

        def has_permission(self, request, view) -> bool:
            safe = request.method in SAFE_METHODS
            needed = read if safe else write
            asked = read_scope if safe else scope
            if request.auth is not None and not ({asked, "admin"} & set(request.auth.scopes)):
                self.message = f"This API key lacks the scope {asked}."
                return False
            if needed == ANYONE:
                return True
            if not request.user.is_authenticated:
                return False
            if needed != SIGNED_IN and lacks_second_factor(request.user, needed):
                self.message = "Staff need a second factor here. Turn yours on in your account."
            return needed == SIGNED_IN or may(request.user, needed)

    return Policy


def by_admin_key(request: Request) -> bool:
    """False for a session. A key that lacks the scope `admin` is refused, whatever the method."""
    if request.auth is not None and "admin" not in request.auth.scopes:
        raise Forbidden("This API key lacks the scope admin.")
    return request.auth is not None


def confirmed(request: Request) -> None:
    """Whoever holds a stolen session stops here: it takes an admin key, or the password said just before.

    Refusals: CONFIRMATION_NEEDED, FORBIDDEN 403.
    """
    if not by_admin_key(request) and not did_recently_reauthenticate(request._request):
        message = "Say your password once more first, at /account/confirm."
        raise Refusal("CONFIRMATION_NEEDED", message, status=403)
