"""`/uploads/{id}/events`: what happens to an upload, told as it happens."""

import json
import uuid

from django.conf import settings
from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from apps.accounts.api import policy
from apps.lib import events
from apps.lib.api import AnyAccept
from apps.lib.errors import NotFound
from apps.uploads import progress
from apps.uploads.api import UploadSerializer
from apps.uploads.models import Upload

SEATS = events.Seats(settings.UPLOAD_EVENTS_AT_ONCE)


class EventsView(APIView):
    permission_classes = [policy(scope="upload")]
    content_negotiation_class = AnyAccept
    http_method_names = ["get", "options"]

    @extend_schema(responses={(200, events.CONTENT_TYPE): OpenApiTypes.STR})
    def get(self, request, pk: uuid.UUID) -> StreamingHttpResponse:
        """Server-sent events: `progress` with the upload as JSON, at once and at every change, until it is over.

        The stream ends after 20 seconds at the latest, and is refused (429) while all seats are taken: then ask
        `/uploads/{id}` every few seconds.
        """
        row = Upload.objects.get_visible(request.user, pk=pk)

        def look() -> tuple[str, bool] | None:
            try:
                now = Upload.objects.get_visible(request.user, pk=row.pk)
            except NotFound:
                return None
            return json.dumps(UploadSerializer(now).data, cls=JSONEncoder), now.state in progress.OVER

        stream = events.Stream(look, name="progress", lasts=settings.UPLOAD_EVENTS_LAST, leave=SEATS.take())
        return StreamingHttpResponse(stream, content_type=events.CONTENT_TYPE, headers=events.HEADERS)


urls = [path("uploads/<uuid:pk>/events", EventsView.as_view(), name="upload-events")]
