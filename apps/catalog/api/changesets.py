"""`/changesets` for who curates: many changes as one, asked for, previewed, applied and undone by programs too."""

import math
import re

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog import bulk, changesets, filters, importing, tasks
from apps.catalog.models import Changeset, ChangesetRow, Track
from apps.lib.errors import NotFound, Refusal
from apps.lib.paging import Keyset

CURATORS = policy(read="catalog.curate", write="catalog.curate", scope="admin")
MOST_OPERATIONS = 50
VALUE = {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"},
                   {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}  # fmt: skip


class PersonField(serializers.ReadOnlyField):
    """A username; null for nobody."""

    def to_representation(self, user) -> str:
        return user.profile.username if hasattr(user, "profile") else str(user.pk)


class ChangesetSerializer(serializers.ModelSerializer):
    """`step` says what a worker did last or does next; a `state` of due, running or retrying is one in work."""

    kind = serializers.CharField(help_text="edit, import, words or merge")
    step = serializers.CharField(help_text="preview, apply or undo")
    state = serializers.CharField(help_text=", ".join(Changeset.machine.states))
    made_by = extend_schema_field({"type": ["string", "null"]})(PersonField)()
    undone_by = extend_schema_field({"type": ["string", "null"]})(PersonField)()

    class Meta:
        model = Changeset
        fields = [
            "id", "kind", "title", "step", "state", "error_code", "error_message", "rows_total", "rows_refused",
            "made_by", "door", "created_at", "applied_at", "undone_at", "undone_by",
        ]  # fmt: skip


class ProgressSerializer(serializers.Serializer):
    done = serializers.IntegerField()
    total = serializers.IntegerField(help_text="0 as long as nobody knows.")


class OneChangesetSerializer(ChangesetSerializer):
    progress = serializers.SerializerMethodField(help_text="Rows of the step in work.")

    class Meta(ChangesetSerializer.Meta):
        fields = [*ChangesetSerializer.Meta.fields, "progress"]

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, changeset) -> dict[str, int]:
        done, total = changesets.progress(changeset)
        return {"done": done, "total": total}


class RowSerializer(serializers.ModelSerializer):
    """`old` and `new` hold the columns that change. With a `problem` the row is left alone."""

    class Meta:
        model = ChangesetRow
        fields = ["line", "track", "table", "row_id", "old", "new", "problem"]


class ConflictSerializer(serializers.Serializer):
    """A field that somebody changed since; without `field` the whole row or its track is gone."""

    track = serializers.UUIDField(source="row.track_id", allow_null=True)
    table = serializers.CharField(source="row.table")
    row_id = serializers.UUIDField(source="row.row_id")
    field = serializers.CharField(allow_blank=True)
    expected = serializers.JSONField()
    now = serializers.JSONField()
    changed_by = extend_schema_field({"type": ["string", "null"]})(PersonField)(source="change.by", default=None)
    changed_at = serializers.DateTimeField(source="change.at", default=None, allow_null=True)
    door = serializers.CharField(source="change.door", default="")


@extend_schema_field(VALUE)
class Value(serializers.Field):
    """Text, number, switch or a list of texts; what the field makes of it is its own business."""

    def to_internal_value(self, data):
        plain = data if isinstance(data, list) else [data]
        if (
            not all(isinstance(each, str | int | float) for each in plain)
            or len(plain) > 100
            or any(re.search("[\0\ud800-\udfff]", str(each)) for each in plain)
            or any(isinstance(each, float) and not math.isfinite(each) for each in plain)  # 1e400 is read as infinite
        ):
            raise serializers.ValidationError("A text, a number, true or false, or a list of texts.")
        return data

    def to_representation(self, value):
        return value


class OperationForm(serializers.Serializer):
    do = serializers.ChoiceField(choices=list(bulk.VERBS))
    field = serializers.ChoiceField(choices=list(bulk.FIELDS))
    value = Value(required=False, allow_null=True, help_text="Of set, add and remove.")
    find = serializers.CharField(required=False, max_length=255, trim_whitespace=False, help_text="Of replace.")
    put = serializers.CharField(
        required=False, max_length=255, allow_blank=True, trim_whitespace=False, help_text="Of replace."
    )
    case = serializers.BooleanField(required=False, help_text="Of replace: capitals matter.")

    def validate(self, attrs: dict) -> dict:
        return {"with" if name == "put" else name: value for name, value in attrs.items()}


class AskForm(serializers.Serializer):
    """Either `tracks` or `filters`: those of `/tracks`, taken at this moment."""

    tracks = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=changesets.MOST_TRACKS)
    filters = serializers.DictField(child=serializers.CharField(max_length=2000), required=False)
    operations = serializers.ListField(child=OperationForm(), min_length=1, max_length=MOST_OPERATIONS)
    title = serializers.CharField(required=False, max_length=200, help_text="Default: what it does, in words.")

    def validate(self, attrs: dict) -> dict:
        if ("tracks" in attrs) == ("filters" in attrs):
            raise serializers.ValidationError("Say either tracks or filters.")
        return attrs


class UndoForm(serializers.Serializer):
    leave_changed = serializers.BooleanField(default=False, help_text="What somebody changed since stays as it is.")


class SheetForm(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=True, max_length=None)


def found(pk) -> Changeset:
    row = _rows().filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def _rows():
    """Without the orders: one may name a hundred thousand tracks."""
    return Changeset.objects.select_related("made_by__profile", "undone_by__profile").defer("order")


def answered(changeset: Changeset, code: int = status.HTTP_202_ACCEPTED) -> Response:
    """A worker is told, and the answer is where the changeset stands."""
    tasks.nudge_changesets()
    return Response(OneChangesetSerializer(found(changeset.pk)).data, status=code)


class ChangesetsView(generics.ListAPIView):
    """Changesets, newest first."""

    permission_classes = [CURATORS]
    serializer_class = ChangesetSerializer

    def get_queryset(self):
        return _rows()

    @extend_schema(request=AskForm, responses={201: OneChangesetSerializer}, parameters=[IDEMPOTENCY_KEY])
    @once
    def post(self, request) -> Response:
        """Ask for a bulk edit. A worker makes its preview; nothing changes until it is applied."""
        form = AskForm(data=request.data)
        form.is_valid(raise_exception=True)
        said = form.validated_data
        changeset = bulk.ask(
            tracks=said["tracks"] if "tracks" in said else chosen(request.user, said["filters"]),
            operations=said["operations"], title=said.get("title", ""), by=request.user,
        )  # fmt: skip
        return answered(changeset, status.HTTP_201_CREATED)


def chosen(user, asked: dict[str, str]):
    """Ids of the tracks that the filters find among those that this person may change; one more than allowed."""
    wanted = filters.read(asked)
    if not wanted.chosen:
        message = "Say at least one filter, or name the tracks."
        raise Refusal("INVALID", message, fields={"filters": [message]})
    rows = wanted.rows(Track.objects.editable_by(user)).order_by("pk")
    return rows.values_list("pk", flat=True)[: changesets.MOST_TRACKS + 1]


class ImportView(APIView):
    permission_classes = [CURATORS]
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": SheetForm}, responses={201: OneChangesetSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    @once
    def post(self, request) -> Response:
        """Import a CSV or XLSX table. A worker makes its preview; nothing changes until it is applied."""
        form = SheetForm(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        changeset = importing.begin(content=file, file_name=file.name or "", by=request.user)
        return answered(changeset, status.HTTP_201_CREATED)


class ChangesetView(APIView):
    permission_classes = [CURATORS]

    @extend_schema(responses=OneChangesetSerializer)
    def get(self, request, pk) -> Response:
        """One changeset, with the progress of the step in work."""
        return Response(OneChangesetSerializer(found(pk)).data)


class InOrder(Keyset):
    ordering = "id"


@extend_schema(parameters=[OpenApiParameter("problems", bool, description="Only rows that cannot change.")])
class RowsView(generics.ListAPIView):
    """The preview: every row that changes, old and new, and every row that cannot, with its problem."""

    permission_classes = [CURATORS]
    serializer_class = RowSerializer
    pagination_class = InOrder
    queryset = ChangesetRow.objects.none()  # says to the schema what is listed

    def get_queryset(self):
        rows = ChangesetRow.objects.filter(changeset=found(self.kwargs["pk"]))
        only = self.request.query_params.get("problems", "") not in ("", "0", "false")
        return rows.exclude(problem="") if only else rows


class ConflictsView(APIView):
    permission_classes = [CURATORS]

    @extend_schema(responses=ConflictSerializer(many=True))
    def get(self, request, pk) -> Response:
        """What stands in the way: which field, what was expected, what stands there, who changed it. 200 at most."""
        conflicts = changesets.conflicts(found(pk), by=request.user)
        return Response(ConflictSerializer(conflicts, many=True).data)


class ApplyView(APIView):
    permission_classes = [CURATORS]

    @extend_schema(request=None, responses={202: OneChangesetSerializer})
    def post(self, request, pk) -> Response:
        """Write what was previewed, all or none; by who asked for it."""
        changeset = found(pk)
        changesets.apply(changeset=changeset, by=request.user)
        return answered(changeset)


class PreviewView(APIView):
    permission_classes = [CURATORS]

    @extend_schema(request=None, responses={202: OneChangesetSerializer})
    def post(self, request, pk) -> Response:
        """Compare old and new once more, such as after CHANGED_SINCE."""
        changeset = found(pk)
        changesets.preview_again(changeset=changeset, by=request.user)
        return answered(changeset)


class UndoView(APIView):
    permission_classes = [CURATORS]

    @extend_schema(request=UndoForm, responses={202: OneChangesetSerializer})
    def post(self, request, pk) -> Response:
        """Put everything back. Where somebody changed a field since, nothing is, unless `leave_changed` says so."""
        form = UndoForm(data=request.data)
        form.is_valid(raise_exception=True)
        changeset = found(pk)
        changesets.undo(changeset=changeset, by=request.user, **form.validated_data)
        return answered(changeset)


class DiscardView(APIView):
    permission_classes = [CURATORS]

    @extend_schema(request=None, responses=OneChangesetSerializer)
    def post(self, request, pk) -> Response:
        """Drop it unapplied, for good."""
        changeset = found(pk)
        changesets.discard(changeset=changeset, by=request.user)
        return Response(OneChangesetSerializer(found(pk)).data)


urls = [
    path("changesets", ChangesetsView.as_view(), name="changesets"),
    path("changesets/import", ImportView.as_view(), name="changesets-import"),
    path("changesets/<uuid:pk>", ChangesetView.as_view(), name="changeset"),
    path("changesets/<uuid:pk>/rows", RowsView.as_view(), name="changeset-rows"),
    path("changesets/<uuid:pk>/conflicts", ConflictsView.as_view(), name="changeset-conflicts"),
    path("changesets/<uuid:pk>/preview", PreviewView.as_view(), name="changeset-preview"),
    path("changesets/<uuid:pk>/apply", ApplyView.as_view(), name="changeset-apply"),
    path("changesets/<uuid:pk>/undo", UndoView.as_view(), name="changeset-undo"),
    path("changesets/<uuid:pk>/discard", DiscardView.as_view(), name="changeset-discard"),
]
