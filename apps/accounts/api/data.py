"""`/me/export`: everything that is kept of the signed-in person."""

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.views import APIView

from apps.accounts.api.policy import confirmed, policy
from apps.accounts.export import Export
from apps.lib.api import AnyAccept


class ExportView(APIView):
    permission_classes = [policy(scope="admin")]
    content_negotiation_class = AnyAccept
    http_method_names = ["get", "options"]

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request) -> StreamingHttpResponse:
        """Your data as a ZIP of JSON and files. By a key with the scope `admin`, or just after saying the password."""
        confirmed(request)
        return sent(Export(request.user))


def sent(export: Export) -> StreamingHttpResponse:
    """The export as a download; closing the answer ends it."""
    headers = {
        "Content-Disposition": f'attachment; filename="{export.name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingHttpResponse(export, content_type="application/zip", headers=headers)
