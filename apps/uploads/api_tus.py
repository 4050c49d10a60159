"""`/uploads/tus`: a file comes in by tus 1.0.0, in as many pieces and with as many breaks as it takes."""

import uuid

from django.conf import settings
from django.urls import path, reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog.models import Track
from apps.catalog.serializers import TrackFacts
from apps.lib.api import AnyAccept
from apps.lib.errors import Refusal
from apps.lib.incoming import Body
from apps.uploads import intake, pieces, tasks, tus
from apps.uploads.api import UploadForm, UploadSerializer
from apps.uploads.models import Upload

# How long a reading waits before it looks whether somebody else wants the upload.
MOMENT_S = 1.0
FLAGS = ("is_public", "is_pro_only", "library")


def _header(name: str, words: str, *, kind: type = str, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, required=required, description=words)


RESUMABLE = _header("Tus-Resumable", f"`{tus.VERSION}`", required=True)
OFFSET = _header("Upload-Offset", "Where the piece starts, in bytes.", kind=int, required=True)
CHECKSUM = _header("Upload-Checksum", "Of the piece: `sha256`, `sha1` or `md5`, a blank, and Base64.")
CREATION = [
    RESUMABLE,
    _header("Upload-Length", "Of the whole file, in bytes.", kind=int, required=True),
    _header(
        "Upload-Metadata",
        "`filename`, `filetype`, `sha256` of the whole file in hex, `replaces` with a track's id, and any word of the "
        "track as `POST /uploads` takes it; each a key, a blank and the value in Base64, parted by commas.",
    ),
    CHECKSUM,
    IDEMPOTENCY_KEY,
]
TOLD = [
    OpenApiParameter(name, kind, OpenApiParameter.HEADER, response=True, description=words)
    for name, kind, words in (
        ("Upload-Offset", int, "How many bytes are here."),
        ("Upload-Expires", str, "Until when the rest may come."),
    )
]
BYTES = {tus.PIECE: {"type": "string", "format": "binary"}}


class Unread(BaseParser):
    """The body is the file. What is said of it stands in the headers."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        return {}


class Words(UploadForm):
    """What Upload-Metadata says of the track."""

    file = None
    replaces = serializers.UUIDField(required=False)
    sha256 = serializers.RegexField(r"^[0-9a-fA-F]{64}\Z", required=False)

    class Meta(UploadForm.Meta):
        fields = ["library", "is_pro_only", "replaces", "sha256", *TrackFacts.Meta.fields]


class TusView(APIView):
    """Every answer says its version, every request has to."""

    permission_classes = [policy(scope="upload", read_scope="upload", writes="piece")]
    parser_classes = [Unread]
    content_negotiation_class = AnyAccept

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {**super().default_response_headers, "Tus-Resumable": tus.VERSION, "Cache-Control": "no-store"}

    def initial(self, request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS" and request.method in self.allowed_methods:
            self.headers["Tus-Version"] = tus.VERSION
            tus.agree(request.headers.get("Tus-Resumable"))
            del self.headers["Tus-Version"]

    def handle_exception(self, exc: Exception):
        if getattr(exc, "code", "") == "CHECKSUM_MISMATCH" and exc.status == 422:
            exc = tus.mismatch(exc.message)
        return super().handle_exception(exc)

    def options(self, request, *args, **kwargs) -> Response:
        """What of the protocol is spoken here."""
        return Response(status=status.HTTP_204_NO_CONTENT, headers=tus.capabilities(settings.UPLOAD_MAX_BYTES))

    def piece(self, request) -> tuple[Body, tus.Checksum | None]:
        """Refusals: UNSUPPORTED_MEDIA_TYPE 415, INVALID 400."""
        if not tus.is_piece(request.META.get("CONTENT_TYPE", "")):
            raise Refusal("UNSUPPORTED_MEDIA_TYPE", f"A piece has the Content-Type {tus.PIECE}.", status=415)
        checksum = tus.checksum(request.headers.get("Upload-Checksum"))
        return Body(request._request, moment=MOMENT_S, longest=pieces.SILENCE_S), checksum

    def taken(self, request, upload: Upload, *, at: int) -> Upload:
        """Refusals: see `piece` and `pieces.take`."""
        body, checksum = self.piece(request)
        upload = pieces.take(upload, body, at=at, checksum=checksum)
        if upload.state == "received":
            tasks.nudge(upload)
        return upload


class TusUploadsView(TusView):
    permission_classes = [policy(scope="upload", read_scope="upload")]

    @extend_schema(
        operation_id="uploads_tus_create",
        parameters=[*CREATION, *TOLD],
        request=BYTES,
        responses={201: UploadSerializer},
    )
    def post(self, request) -> Response:
        """Announce a file and what it is; its first bytes, or all of them, may come in the same request."""
        brings = request.META.get("CONTENT_LENGTH") not in (None, "", "0") or "Transfer-Encoding" in request.headers
        if brings:  # what cannot be taken begins nothing
            body, _ = self.piece(request)
            tus.follows(said=0, offset=0, comes=body.length, size=tus.length(request.headers))
        made = self.made(request)
        upload = Upload.objects.get_visible(request.user, pk=made.data["id"])
        # Said also with a refusal of its bytes: it has begun.
        self.headers["Location"] = reverse("upload-by-tus", args=[upload.pk])
        if brings:
            if pieces.reached(upload) == 0:
                upload = self.taken(request, upload, at=0)
            made.data = UploadSerializer(upload).data
        for name, value in _standing(upload, pieces.reached(upload)).items():
            made[name] = value
        return made

    @once
    def made(self, request) -> Response:
        said = tus.metadata(request.headers.get("Upload-Metadata"))
        upload = intake.begin(
            user=request.user, way=Upload.Way.TUS, size=tus.length(request.headers), **_facts(request.user, said)
        )
        Upload.objects.filter(pk=upload.pk).update(tus_metadata=request.headers.get("Upload-Metadata", ""))
        return Response(UploadSerializer(upload).data, status=status.HTTP_201_CREATED)

    def said(self, request) -> dict[str, str]:
        """What makes a repetition the same one, for `once`."""
        return {name: request.headers.get(name, "") for name in ("Upload-Length", "Upload-Metadata")}


class TusUploadView(TusView):
    def upload(self) -> Upload:
        return Upload.objects.get_editable(self.request.user, pk=self.kwargs["pk"], way=Upload.Way.TUS)

    def head(self, request, pk: uuid.UUID) -> Response:
        """How far it is. Whoever asks is about to go on, so whoever is still at it lets go."""
        upload = self.upload()
        with pieces.alone(upload):
            headers = _standing(upload, pieces.reached(upload))
        headers["Upload-Length"] = str(upload.size_bytes)
        if upload.tus_metadata:
            headers["Upload-Metadata"] = upload.tus_metadata
        return Response(headers=headers)

    @extend_schema(
        operation_id="uploads_tus_piece",
        parameters=[RESUMABLE, OFFSET, CHECKSUM, *TOLD],
        request=BYTES,
        responses={204: OpenApiResponse(description="The piece is here.")},
    )
    def patch(self, request, pk: uuid.UUID) -> Response:
        """The next piece. What came before a connection broke is kept: ask with HEAD where to go on."""
        at = tus.number("Upload-Offset", request.headers.get("Upload-Offset"))
        upload = self.taken(request, self.upload(), at=at)
        return Response(status=status.HTTP_204_NO_CONTENT, headers=_standing(upload, pieces.reached(upload)))

    @extend_schema(operation_id="uploads_tus_end", parameters=[RESUMABLE], responses={204: None})
    def delete(self, request, pk: uuid.UUID) -> Response:
        """End an upload that is not whole: its bytes go, and the day's quota has them back."""
        pieces.end(self.upload())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="uploads_tus_meant",
        parameters=[RESUMABLE, _header("X-HTTP-Method-Override", "`PATCH`, `DELETE` or `HEAD`", required=True)],
        request=BYTES,
        responses={204: None},
    )
    def post(self, request, pk: uuid.UUID) -> Response:
        """For clients that can send neither PATCH nor DELETE: the method stands in the header."""
        meant = tus.meant("POST", request.headers.get("X-HTTP-Method-Override"))
        if meant == "POST":
            self.http_method_not_allowed(request)
        return getattr(self, meant.lower())(request, pk)


def _facts(user, said: dict[str, str]) -> dict:
    """Metadata as `intake.begin` takes it. An empty switch is on, any other empty value says nothing."""
    words = {key: value or "true" for key, value in said.items() if value or key in FLAGS}
    form = Words(data=words)
    form.is_valid(raise_exception=True)
    facts = dict(form.validated_data)
    replaces = facts.pop("replaces", None)
    return {
        "file_name": said.get("filename") or said.get("name") or "",
        "content_type": said.get("filetype") or said.get("type") or "",
        "announced_sha256": facts.pop("sha256", "").lower(),
        "replaces": Track.objects.get_editable(user, pk=replaces) if replaces else None,
        **facts,
    }


def _standing(upload: Upload, offset: int) -> dict[str, str]:
    return tus.standing(offset=offset, expires_at=upload.expires_at if upload.state == "receiving" else None)


urls = [
    path("uploads/tus", TusUploadsView.as_view(), name="uploads-by-tus"),
    path("uploads/tus/<uuid:pk>", TusUploadView.as_view(), name="upload-by-tus"),
]
