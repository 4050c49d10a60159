"""`/duplicates` for who curates: pairs that may be one, settled by dismissing or merging."""

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog import duplicates, merging, tasks
from apps.catalog.models import Duplicate, Track
from apps.lib.errors import Refusal
from apps.lib.paging import Keyset

CURATORS = policy(read="catalog.curate", write="catalog.curate")
PAGING = {"limit", "cursor"}


class SideSerializer(serializers.ModelSerializer):
    """As much of a track as tells it from another; the whole is at /tracks/{id}."""

    class Meta:
        model = Track
        fields = ["id", "title", "artist", "isrc", "duration_ms", "owner", "kind", "status"]


class DuplicateSerializer(serializers.ModelSerializer):
    """Two tracks of one owner, the older one first."""

    first = SideSerializer()
    second = SideSerializer()
    reasons = serializers.ListField(child=serializers.ChoiceField(choices=Duplicate.Reason.choices))

    class Meta:
        model = Duplicate
        fields = ["id", "first", "second", "reasons", "likeness", "state", "created_at", "updated_at"]


class MergeForm(serializers.Serializer):
    keep = serializers.UUIDField(help_text="The track that stays.")
    facts = serializers.ListField(
        child=serializers.ChoiceField(choices=merging.CHOICES), required=False, default=list,
        help_text="What it takes from the other one; everything else stays as it is.",
    )  # fmt: skip


class MergeAnswer(serializers.Serializer):
    changeset = serializers.UUIDField(help_text="Its preview is made at once; nothing is merged until it is applied.")


class Likest(Keyset):
    """The likest pairs first."""

    ordering = ("-likeness", "-id")


class DuplicatesView(generics.ListAPIView):
    """Pairs that may be one, the likest first."""

    permission_classes = [CURATORS]
    serializer_class = DuplicateSerializer
    pagination_class = Likest
    queryset = Duplicate.objects.none()  # says to the schema what is listed

    def get_queryset(self):
        return filtered(Duplicate.objects.visible_to(self.request.user), self.request.query_params).select_related(
            "first", "second"
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, enum=Duplicate.machine.states, description="Default: open."),
            OpenApiParameter("reason", str, enum=Duplicate.Reason.values),
        ]
    )
    def get(self, request, *args, **kwargs) -> Response:
        return super().get(request, *args, **kwargs)


def filtered(rows, params):
    """The rows that the query string asks for, open ones by default."""
    known = {"state": Duplicate.machine.states, "reason": Duplicate.Reason.values}
    unknown = sorted(set(params) - set(known) - PAGING)
    if unknown:
        message = f"Unknown filter {unknown[0]!r}. Known: {', '.join(sorted({*known, *PAGING}))}."
        raise Refusal("UNKNOWN_FILTER", message, fields={unknown[0]: [message]})
    for name, values in known.items():
        if params.get(name, values[0]) not in values:
            message = f"{name}: one of {', '.join(values)}."
            raise Refusal("INVALID", message, fields={name: [message]})
    rows = rows.filter(state=params.get("state", "open"))
    return rows.filter(reasons__contains=[params["reason"]]) if "reason" in params else rows


class DismissView(APIView):
    permission_classes = [CURATORS]

    @extend_schema(request=None, responses=DuplicateSerializer)
    def post(self, request, pk) -> Response:
        """These are two tracks. The pair stays away until there is a new reason for it."""
        pair = Duplicate.objects.get_editable(request.user, pk=pk)
        duplicates.dismiss(pair=pair, by=request.user)
        return Response(DuplicateSerializer(pair).data)


class MergeView(APIView):
    permission_classes = [CURATORS]

    @extend_schema(request=MergeForm, responses={202: MergeAnswer}, parameters=[IDEMPOTENCY_KEY])
    @once
    def post(self, request, pk) -> Response:
        """Ask for the merge of a pair: a changeset whose preview a worker makes."""
        pair = Duplicate.objects.get_editable(request.user, pk=pk)
        form = MergeForm(data=request.data)
        form.is_valid(raise_exception=True)
        changeset = merging.ask(pair=pair, by=request.user, **form.validated_data)
        tasks.nudge_changesets()
        return Response({"changeset": changeset.pk}, status=status.HTTP_202_ACCEPTED)


urls = [
    path("duplicates", DuplicatesView.as_view(), name="duplicates"),
    path("duplicates/<uuid:pk>/dismiss", DismissView.as_view(), name="duplicate-dismiss"),
    path("duplicates/<uuid:pk>/merge", MergeView.as_view(), name="duplicate-merge"),
]
