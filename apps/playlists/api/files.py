"""`/playlists/{id}/export`, `/playlists/import` and `/playlists/imports`: playlists as files, out and in."""

from uuid import UUID

from django.http import HttpResponse
from django.urls import path
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog.api.answers import base
from apps.lib.api import AnyAccept
from apps.lib.errors import NotFound, Refusal
from apps.lib.paging import Keyset
from apps.playlists import exporting, formats, importing, matching, tasks
from apps.playlists.models import Import, ImportLine, Playlist

FORMAT = OpenApiParameter("format", str, enum=list(formats.MIMES), default="m3u8")
OUTCOME = OpenApiParameter("outcome", str, enum=ImportLine.Outcome.values, description="Only lines of this outcome.")


class ExportView(APIView):
    permission_classes = [policy(read=ANYONE)]
    content_negotiation_class = AnyAccept

    @extend_schema(
        parameters=[FORMAT],
        responses={(200, mime.partition(";")[0]): OpenApiTypes.BINARY for mime in formats.MIMES.values()},
    )
    def get(self, request, pk) -> HttpResponse:
        """The playlist as M3U8, XSPF or JSPF, without the tracks that you may not see."""
        playlist = Playlist.objects.select_related("owner__profile").get_visible(request.user, pk=pk)
        form = request.query_params.get("format", "m3u8")
        content = exporting.export(playlist, viewer=request.user, form=form, base=base(request))
        headers = {
            "Content-Disposition": content_disposition_header(True, exporting.name_of(playlist, form)),
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(content, content_type=formats.MIMES[form], headers=headers)


class ImportSerializer(serializers.ModelSerializer):
    """A `state` of due, running or retrying is one in work; `lines_done` of `lines_total` were looked for so far."""

    format = serializers.CharField(source="form", help_text=", ".join(formats.FORMS))
    state = serializers.CharField(help_text=", ".join(Import.machine.states))
    counts = serializers.SerializerMethodField(help_text="Lines by outcome.")

    class Meta:
        model = Import
        fields = [
            "id", "playlist", "file_name", "format", "encoding", "state", "error_code", "error_message", "lines_total",
            "lines_done", "counts", "created_at", "done_at",
        ]  # fmt: skip

    @extend_schema_field({"type": "object", "properties": {n: {"type": "integer"} for n in ImportLine.Outcome.values}})
    def get_counts(self, imported) -> dict[str, int]:
        return self.context["counts"][imported.pk]


class FoundTrackSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="pk")
    title = serializers.CharField()
    artist = serializers.CharField()
    duration_ms = serializers.IntegerField(allow_null=True)


class ImportLineSerializer(serializers.ModelSerializer):
    """What the file says, and the track that it was taken for; null also where you do not see that any more."""

    outcome = serializers.ChoiceField(choices=ImportLine.Outcome.values)
    how = serializers.CharField(help_text=f"{', '.join(ImportLine.How.values)}; empty when nothing was found")
    track = serializers.SerializerMethodField()

    class Meta:
        model = ImportLine
        fields = [
            "number", "title", "artist", "duration_ms", "isrc", "location", "outcome", "how", "confidence", "track",
        ]  # fmt: skip

    @extend_schema_field({"oneOf": [{"$ref": "#/components/schemas/FoundTrack"}, {"type": "null"}]})
    def get_track(self, line) -> dict | None:
        track = self.context["tracks"].get(line.track_id)
        return FoundTrackSerializer(track).data if track else None


class CandidateSerializer(serializers.Serializer):
    track = FoundTrackSerializer()
    confidence = serializers.DecimalField(max_digits=4, decimal_places=3, help_text="0 to 1")


class ImportForm(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=True, max_length=None)
    format = serializers.ChoiceField(
        choices=list(formats.FORMS), required=False, default="", help_text="Where the content does not tell by itself."
    )
    name = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=2_000, help_text="Of a new playlist."
    )
    playlist = serializers.UUIDField(required=False, help_text="Into this one, behind what it has.")


class LineForm(serializers.Serializer):
    """One of the two."""

    track_id = serializers.UUIDField(required=False, help_text="This is the track.")
    ignored = serializers.BooleanField(required=False, help_text="true: leave the line out; false: look at it again.")

    def validate(self, attrs: dict) -> dict:
        if len(attrs) != 1:
            raise serializers.ValidationError("Say either track_id or ignored.")
        return attrs


def shown(imported: Import) -> dict:
    return ImportSerializer(imported, context={"counts": importing.counts(imported)}).data


def shown_lines(request, lines: list[ImportLine]) -> list[dict]:
    """Lines with those of their tracks that one sees."""
    tracks = matching.tracks([line.track_id for line in lines], request.user)
    return ImportLineSerializer(lines, many=True, context={"tracks": tracks}).data


class BeginView(APIView):
    permission_classes = [policy()]
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": ImportForm}, responses={201: ImportSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    @once
    def post(self, request) -> Response:
        """Import M3U8, XSPF, JSPF or CSV into a new playlist or one of yours. A short file is done with the answer."""
        form = ImportForm(data=request.data)
        form.is_valid(raise_exception=True)
        said = form.validated_data
        target = Playlist.objects.get_fillable(request.user, pk=said["playlist"]) if "playlist" in said else None
        imported = importing.begin(
            content=said["file"], file_name=said["file"].name or "", by=request.user, form=said["format"],
            name=said["name"], playlist=target,
        )  # fmt: skip
        if not importing.finish_if_small(imported):
            tasks.nudge_imports()
        return Response(shown(_found(request, imported.pk)), status=status.HTTP_201_CREATED)


class ImportsView(generics.ListAPIView):
    permission_classes = [policy()]
    serializer_class = ImportSerializer
    queryset = Import.objects.none()  # says to the schema what is listed

    @extend_schema(operation_id="playlists_imports_list")
    def get(self, request) -> Response:
        """Your imports, newest first."""
        page = self.paginate_queryset(Import.objects.editable_by(request.user))
        rows = ImportSerializer(page, many=True, context={"counts": importing.counts(*page)}).data
        return self.get_paginated_response(rows)


class ImportView(APIView):
    permission_classes = [policy()]

    @extend_schema(responses=ImportSerializer)
    def get(self, request, pk) -> Response:
        """One import: how far it is, and how many lines have which outcome."""
        return Response(shown(_found(request, pk)))

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Drop the report; what came into the playlist stays there."""
        importing.forget(imported=Import.objects.get_editable(request.user, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RetryView(APIView):
    permission_classes = [policy()]

    @extend_schema(request=None, responses={202: ImportSerializer})
    def post(self, request, pk) -> Response:
        """Try a failed one anew, from where it was."""
        importing.retry(imported=Import.objects.get_editable(request.user, pk=pk))
        tasks.nudge_imports()
        return Response(shown(_found(request, pk)), status=status.HTTP_202_ACCEPTED)


class ByNumber(Keyset):
    ordering = "number"


class LinesView(generics.ListAPIView):
    permission_classes = [policy()]
    serializer_class = ImportLineSerializer
    pagination_class = ByNumber
    queryset = ImportLine.objects.none()  # says to the schema what is listed

    @extend_schema(operation_id="playlists_imports_lines_list", parameters=[OUTCOME])
    def get(self, request, pk) -> Response:
        """The lines in the file's order, and what became of each."""
        rows = _found(request, pk).lines.all()
        if outcome := request.query_params.get("outcome", ""):
            if outcome not in ImportLine.Outcome.values:
                message = f"outcome: one of {', '.join(ImportLine.Outcome.values)}."
                raise Refusal("INVALID", message, fields={"outcome": [message]})
            rows = rows.filter(outcome=outcome)
        return self.get_paginated_response(shown_lines(request, self.paginate_queryset(rows)))


class LineView(APIView):
    permission_classes = [policy()]

    @extend_schema(request=LineForm, responses=ImportLineSerializer)
    def patch(self, request, pk, number) -> Response:
        """Say which track a line means, and it comes to its place in the playlist; or leave the line out."""
        line = _line(Import.objects.get_editable(request.user, pk=pk), number)
        form = LineForm(data=request.data)
        form.is_valid(raise_exception=True)
        said = form.validated_data
        if "track_id" in said:
            importing.resolve(line=line, track_id=said["track_id"], by=request.user)
        else:
            importing.ignore(line=line, yes=said["ignored"])
        line.refresh_from_db()
        return Response(shown_lines(request, [line])[0])


class CandidatesView(APIView):
    permission_classes = [policy()]

    @extend_schema(operation_id="playlists_imports_candidates", responses=CandidateSerializer(many=True))
    def get(self, request, pk, number) -> Response:
        """Tracks that a line may mean, the likeliest first; five at most."""
        found = matching.candidates(_line(_found(request, pk), number), request.user)
        return Response(CandidateSerializer([{"track": t, "confidence": c} for t, c in found], many=True).data)


def _found(request, pk: UUID) -> Import:
    return Import.objects.get_visible(request.user, pk=pk)


def _line(imported: Import, number: int) -> ImportLine:
    """NotFound for a line that the file does not have."""
    line = imported.lines.filter(number=number).first()
    if line is None:
        raise NotFound
    return line


urls = [
    path("playlists/<uuid:pk>/export", ExportView.as_view(), name="playlist-export"),
    path("playlists/import", BeginView.as_view(), name="playlist-import"),
    path("playlists/imports", ImportsView.as_view(), name="playlist-imports"),
    path("playlists/imports/<uuid:pk>", ImportView.as_view(), name="playlist-import-report"),
    path("playlists/imports/<uuid:pk>/retry", RetryView.as_view(), name="playlist-import-retry"),
    path("playlists/imports/<uuid:pk>/lines", LinesView.as_view(), name="playlist-import-lines"),
    path("playlists/imports/<uuid:pk>/lines/<int:number>", LineView.as_view(), name="playlist-import-line"),
    path(
        "playlists/imports/<uuid:pk>/lines/<int:number>/candidates", CandidatesView.as_view(),
        name="playlist-import-candidates",
    ),
]  # fmt: skip
