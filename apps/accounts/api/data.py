"""`/me/export`: everything that is kept of the signed-in person."""

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.api.policy import policy
from apps.accounts.export import Export
from apps.lib.api import AnyAccept
from apps.lib.errors import Forbidden, Refusal


class ExportView(APIView):
    permission_classes = [policy(scope="admin")]
    content_negotiation_class = AnyAccept
    http_method_names = ["get", "options"]

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request) -> StreamingHttpResponse:
        """Your data as a ZIP of JSON and files. By a key with the scope `admin`, or just after saying the password."""
        if not by_admin_key(request) and not did_recently_reauthenticate(request._request):
            message = "Say your password once more first, at /account/confirm."
            raise Refusal("CONFIRMATION_NEEDED", message, status=403)
        return sent(Export(request.user))


def by_admin_key(request: Request) -> bool:
    """False for a session. A key that lacks the scope `admin` is refused, whatever the method."""
    if request.auth is not None and "admin" not in request.auth.scopes:
        raise Forbidden("This API key lacks the scope admin.")
    return request.auth is not None


def sent(export: Export) -> StreamingHttpResponse:
    """The export as a download; closing the answer ends it."""
    headers = {
        "Content-Disposition": f'attachment; filename="{export.name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingHttpResponse(export, content_type="application/zip", headers=headers)
