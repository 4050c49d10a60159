"""`/tracks/{id}/sections`, `/credits`, `/instruments`, `/samples`: what a track consists of (S4-04 … S4-07)."""

import json
import math
from collections.abc import Mapping
from copy import deepcopy
from uuid import UUID

from django.urls import path
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog import cards, parts
from apps.catalog.api.answers import base
from apps.catalog.models import Track
from apps.lib.errors import NotFound
from apps.lib.shape import TEXT, list_of, object_of

LONGEST_MS = 7 * 24 * 3600 * 1000
WARNING = object_of({"id": cards.ID, "field": TEXT, "code": TEXT, "message": TEXT})


class Seconds(serializers.FloatField):
    """Seconds outside, milliseconds inside."""

    def __init__(self, **options):
        super().__init__(required=False, help_text="seconds; or the same in milliseconds", **options)

    def to_internal_value(self, data) -> int:
        seconds = super().to_internal_value(data)
        if not math.isfinite(seconds) or not 0 <= seconds * 1000 <= LONGEST_MS:
            raise serializers.ValidationError("From 0 to a week, in seconds.")
        return round(seconds * 1000)


def milliseconds() -> serializers.IntegerField:
    return serializers.IntegerField(required=False, min_value=0, max_value=LONGEST_MS)


def text(most: int) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=most)


class PartId(serializers.CharField):
    """Which part of the list a row is. What names none of this track's is a new one."""

    def __init__(self):
        super().__init__(required=False, allow_null=True)

    def to_internal_value(self, data) -> UUID | None:
        try:
            return UUID(super().to_internal_value(data))
        except ValueError:
            return None


class PartForm(serializers.Serializer):
    """`aliases` are the columns' names of the catalogue before (S4-04 … S4-07), read beside our own."""

    aliases: dict[str, str] = {}

    def to_internal_value(self, data):
        if isinstance(data, Mapping):
            named = {self.aliases[name]: value for name, value in data.items() if name in self.aliases}
            data = {**named, **data}
        return super().to_internal_value(data)

    def validate(self, attrs: dict) -> dict:
        """Nothing, said as null, is an empty text."""
        texts = {field.source for field in self.fields.values() if isinstance(field, serializers.CharField)} - {"id"}
        return {name: "" if value is None and name in texts else value for name, value in attrs.items()}


class SectionForm(PartForm):
    aliases = {"section_name": "section", "start_time": "startTime", "end_time": "endTime"}

    section = serializers.CharField(source="name", max_length=50, help_text="intro, verse, chorus, bridge, outro, …")
    startTime = Seconds()
    endTime = Seconds()
    start_ms = milliseconds()
    end_ms = milliseconds()
    description = text(2000)

    def validate(self, attrs: dict) -> dict:
        for column, name in (("start_ms", "startTime"), ("end_ms", "endTime")):
            said = {attrs.pop(each) for each in (column, name) if each in attrs}
            if len(said) > 1:
                raise serializers.ValidationError({column: f"{name} and {column} say different times; one is enough."})
            if not said and not self.partial:
                raise serializers.ValidationError({name: "Say it in seconds, or in milliseconds."})
            if said:
                attrs[column] = said.pop()
        return super().validate(attrs)


class CreditForm(PartForm):
    aliases = {"creator_name": "name", "ipi_number": "ipi", "split_percentage": "split"}

    name = serializers.CharField(max_length=255)
    role = serializers.ChoiceField(choices=cards.CREDIT_ROLES)
    ipi = text(20)
    pro = text(100)
    split = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=0, max_value=100, required=False, allow_null=True
    )
    contact_email = serializers.EmailField(required=False, allow_blank=True, allow_null=True, max_length=255)
    contact_phone = text(50)


class InstrumentForm(PartForm):
    aliases = {"instrument_category": "category", "instrument_type": "type"}

    category = serializers.CharField(max_length=100, help_text="synth, drums, bass, guitar, vocals, …")
    type = text(100)
    is_primary = serializers.BooleanField(required=False)


class SampleForm(PartForm):
    aliases = {"sample_pack_name": "pack_name", "sample_description": "description"}

    pack_name = text(255)
    description = text(2000)
    is_cleared = serializers.BooleanField(required=False)
    clearance_notes = text(2000)


class Answer(serializers.Serializer):
    """What no serializer writes: `shape` is its schema."""

    shape: dict = {}


class AnswerSchema(OpenApiSerializerExtension):
    target_class = Answer
    match_subclasses = True

    def map_serializer(self, auto_schema, direction) -> dict:
        return deepcopy(self.target.shape)  # spectacular writes into it


def rows_of(request, pk: UUID, kind: str) -> list[dict]:
    """The parts as the track itself embeds them."""
    field = cards.EXPANDS[kind].name
    found = cards.read(
        [pk], viewer=request.user, base=base(request), fields=frozenset({field}), expand=frozenset({kind})
    )
    if not found:
        raise NotFound
    return json.loads(found[0])[field]


def warnings(rows: list[dict]) -> list[dict]:
    return parts.warnings((row["id"], row["ipi"]) for row in rows if "ipi" in row)


def listed(request, pk: UUID, kind: str) -> Response:
    rows = rows_of(request, pk, kind)
    return Response({"results": rows, "warnings": warnings(rows)})


def one(request, pk: UUID, kind: str, part: UUID) -> dict:
    """One part with what is doubtful in it."""
    row = next((row for row in rows_of(request, pk, kind) if row["id"] == str(part)), None)
    if row is None:
        raise NotFound
    return {**row, "warnings": warnings([row])}


def visible(request, pk: UUID) -> None:
    if not Track.objects.visible_to(request.user).filter(pk=pk).exists():
        raise NotFound


class PartsView(APIView):
    permission_classes = [policy(read=ANYONE)]
    kind, form, row_form = "", PartForm, PartForm

    def get(self, request, pk) -> Response:
        """All of them; `warnings` tells what is doubtful."""
        visible(request, pk)
        return listed(request, pk, self.kind)

    def put(self, request, pk) -> Response:
        """Make the list what is sent, all or nothing: `{"results": […]}`, or the list itself.

        A row with the `id` of a part changes that one, a row like a part is that part, others are new; what is not in
        the list goes. Times of sections may be said in seconds or in milliseconds.
        """
        track = Track.objects.get_editable(request.user, pk=pk)
        parts.replace(track=track, kind=self.kind, rows=self._rows(request.data), by=request.user)
        return listed(request, pk, self.kind)

    def _rows(self, sent) -> list[dict]:
        rows = sent.get("results") if isinstance(sent, Mapping) else sent
        if not isinstance(rows, list):
            raise serializers.ValidationError({"results": ["Send the whole list of parts."]})
        parts.limit(len(rows))
        form = self.row_form(data=rows, many=True)
        form.is_valid(raise_exception=True)
        return form.validated_data

    @once
    def post(self, request, pk) -> Response:
        """One more."""
        track = Track.objects.get_editable(request.user, pk=pk)
        form = self.form(data=request.data)
        form.is_valid(raise_exception=True)
        part = parts.add(track=track, kind=self.kind, by=request.user, **form.validated_data)
        return Response(one(request, pk, self.kind, part.pk), status=status.HTTP_201_CREATED)


class PartView(APIView):
    permission_classes = [policy(read=ANYONE)]
    kind, form = "", PartForm

    def get(self, request, pk, part) -> Response:
        """One of them."""
        visible(request, pk)
        return Response(one(request, pk, self.kind, part))

    def patch(self, request, pk, part) -> Response:
        """Change what is named; the rest stays."""
        row = self._row(request, pk, part)
        form = self.form(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        parts.change(part=row, by=request.user, **form.validated_data)
        return Response(one(request, pk, self.kind, part))

    def delete(self, request, pk, part) -> Response:
        """Drop it."""
        parts.drop(part=self._row(request, pk, part), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _row(self, request, pk, part):
        rows = parts.KINDS[self.kind].model.objects.select_related("track")
        return rows.get_editable(request.user, pk=part, track=pk)


def routes(kind: str, form: type[PartForm], declared: dict) -> list:
    """The two addresses of a kind, each described with its own shape."""
    word = form.__name__.removesuffix("Form")
    properties = {name: schema for name, (_, schema) in declared.items()}
    single = object_of({**properties, "warnings": list_of(WARNING)})
    every = object_of({"results": list_of(cards.part_schema(declared)), "warnings": list_of(WARNING)})
    row_form = type(f"{word}Row", (form,), {"id": PartId()})
    whole = type(f"All{word}s", (serializers.Serializer,), {"results": row_form(many=True, max_length=parts.MOST)})
    part, rows = type(word, (Answer,), {"shape": single}), type(f"{word}s", (Answer,), {"shape": every})
    many = extend_schema_view(
        get=extend_schema(responses=rows, operation_id=f"tracks_{kind}_list"),
        put=extend_schema(request=whole, responses=rows),
        post=extend_schema(request=form, responses={201: part}, parameters=[IDEMPOTENCY_KEY]),
    )(type(f"{word}sView", (PartsView,), {"kind": kind, "form": form, "row_form": row_form}))
    each = extend_schema_view(
        get=extend_schema(responses=part),
        patch=extend_schema(request=form(partial=True), responses=part),
        delete=extend_schema(responses={204: None}),
    )(type(f"{word}View", (PartView,), {"kind": kind, "form": form}))
    return [
        path(f"tracks/<uuid:pk>/{kind}", many.as_view(), name=f"track-{kind}"),
        path(f"tracks/<uuid:pk>/{kind}/<uuid:part>", each.as_view(), name=f"track-{kind}-part"),
    ]


urls = [
    *routes("sections", SectionForm, cards.SECTION),
    *routes("credits", CreditForm, cards.CREDIT),
    *routes("instruments", InstrumentForm, cards.INSTRUMENT),
    *routes("samples", SampleForm, cards.SAMPLE),
]
