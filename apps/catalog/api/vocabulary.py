"""`/vocabulary`: words to choose from."""

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, policy
from apps.catalog import vocabulary
from apps.catalog.models import Term
from apps.lib.errors import Refusal

MOST = 50


class WordSerializer(serializers.Serializer):
    word = serializers.CharField(source="name")
    is_curated = serializers.BooleanField()


class VocabularyView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, required=True, enum=Term.Kind.values),
            OpenApiParameter("q", str, description="Part of the word."),
        ],
        responses=WordSerializer(many=True),
    )
    def get(self, request) -> Response:
        """Words that public tracks say or that staff keep, as they are spelled; 50 at most. Staff see all in use."""
        kind = request.query_params.get("kind", "")
        if kind not in Term.Kind.values:
            message = f"kind: one of {', '.join(Term.Kind.values)}."
            raise Refusal("INVALID", message, fields={"kind": [message]})
        q = request.query_params.get("q", "").strip()[:255]
        words = vocabulary.offered(user=request.user, kind=kind, q=q)[:MOST]
        return Response(WordSerializer(words, many=True).data)


urls = [path("vocabulary", VocabularyView.as_view(), name="vocabulary")]
