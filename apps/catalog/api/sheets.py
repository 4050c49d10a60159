"""`/tracks/export`: tracks as a table."""

from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.views import APIView

from apps.accounts.api import policy
from apps.catalog import filters, sheets
from apps.catalog.models import Track
from apps.lib import sheet
from apps.lib.api import AnyAccept
from apps.lib.errors import Refusal

FORMAT = OpenApiParameter("format", str, enum=list(sheets.FORMS), default="csv")


class ExportView(APIView):
    permission_classes = [policy()]
    content_negotiation_class = AnyAccept

    @extend_schema(
        parameters=[FORMAT],
        responses={(200, mime.partition(";")[0]): OpenApiTypes.BINARY for mime in sheet.MIMES.values()},
    )
    def get(self, request) -> StreamingHttpResponse:
        """The tracks that you may see as CSV or XLSX, newest first. Takes the filters of `/tracks`."""
        wanted = filters.read(request.query_params, beside={"format"})
        if wanted.ordering:
            raise Refusal("INVALID", "ordering: newest first.", fields={"ordering": ["Newest first."]})
        tracks = wanted.rows(Track.objects.visible_to(request.user).live())
        return download(tracks, user=request.user, form=request.query_params.get("format", "csv"))


def download(tracks, *, user, form: str) -> StreamingHttpResponse:
    """The table of these tracks, sent while it is written. Refusals as `sheets.export`."""
    headers = {
        "Content-Disposition": f'attachment; filename="{sheets.name_of(form)}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    pieces = sheets.export(tracks, user=user, form=form)
    return StreamingHttpResponse(pieces, content_type=sheet.MIMES[form], headers=headers)


urls = [path("tracks/export", ExportView.as_view(), name="tracks-export")]
