"""What may be written of a track, and how the schema tells of what is read."""

import datetime as dt
from copy import deepcopy

from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from apps.catalog import cards, identifiers
from apps.catalog.keys import MODES, PITCHES, pitch_class
from apps.catalog.models import Track

EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
CLOCK_SKEW = dt.timedelta(minutes=10)


class Words(serializers.ListField):
    """A list of words, or one text that parts them by commas (C-06); so no word holds one."""

    child = serializers.RegexField(r"^[^,]+\Z", max_length=40, error_messages={"invalid": "A word has no comma."})

    def __init__(self, **options):
        super().__init__(**{"required": False, "max_length": 30, "help_text": "Or one text with commas.", **options})

    def get_value(self, dictionary):
        """One field of a form is a text, several are a list."""
        value = super().get_value(dictionary)
        one = isinstance(dictionary, MultiValueDict) and isinstance(value, list) and len(value) == 1
        return value[0] if one else value

    def to_internal_value(self, data) -> list[str]:
        if isinstance(data, str):
            data = [word for word in map(str.strip, data.split(",")) if word]
        return super().to_internal_value(data)


class KeyField(serializers.ChoiceField):
    """`C#` outside, pitch class 1 inside; null when unknown (C-04). Flats are read too."""

    def __init__(self, **options):
        super().__init__(**{"choices": list(PITCHES), "help_text": "`Db` is read as `C#`.", **options})

    def to_internal_value(self, data) -> int:
        found = pitch_class(data) if isinstance(data, str) else None
        if found is None:
            self.fail("invalid_choice", input=data)
        return found

    def to_representation(self, value) -> str:
        return PITCHES[value]


class Switch(serializers.BooleanField):
    """A form that leaves it out says nothing, as JSON does; the stock field reads that as off."""

    default_empty_html = serializers.empty


class TrackFacts(serializers.ModelSerializer):
    """What the owner may write; form only, the rules are in `actions`."""

    key = KeyField(source="pitch_class", required=False, allow_null=True)
    scale = serializers.ChoiceField(source="mode", choices=list(MODES), required=False, allow_blank=True)
    mood = Words()
    tags = Words()
    is_public = Switch(required=False)

    class Meta:
        model = Track
        fields = [
            "title", "artist", "description", "is_public", "genre", "subgenre", "tempo", "key", "scale", "mood", "tags",
            "catalog_number", "isrc", "release_date",
        ]  # fmt: skip

    def validate_isrc(self, value: str) -> str:
        """Refused before a file that comes with it is looked at."""
        return identifiers.isrc(value)


class GeneratedSerializer(TrackFacts):
    """A finished generation: its provider, the provider's id and its URLs (S3-03)."""

    provider = serializers.SlugField()
    provider_track_id = serializers.CharField(max_length=200)
    audio_url = serializers.URLField(max_length=2000)
    cover_url = serializers.URLField(max_length=2000, required=False, allow_blank=True)
    video_url = serializers.URLField(max_length=2000, required=False, allow_blank=True)
    duration = serializers.FloatField(min_value=0.001, max_value=86_400, required=False, help_text="seconds")
    generated_at = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField(required=False, help_text="Default: the provider's lifetime.")

    class Meta(TrackFacts.Meta):
        fields = [
            *TrackFacts.Meta.fields, "provider", "provider_track_id", "audio_url", "cover_url", "video_url", "duration",
            "generated_at", "expires_at",
        ]  # fmt: skip

    def validate_generated_at(self, value):
        if not EARLIEST <= value <= timezone.now() + CLOCK_SKEW:
            raise serializers.ValidationError("A generation is finished: not in the future, not before 2000.")
        return value

    def validate(self, attrs: dict) -> dict:
        if duration := attrs.pop("duration", None):
            attrs["duration_ms"] = round(duration * 1000)
        return attrs


class TrackSerializer(serializers.Serializer):
    """A track in a list, as `cards.py` declares it and the database builds it."""

    expand: frozenset[str] = frozenset()


class WholeTrackSerializer(TrackSerializer):
    """One track: with its arrangement, its creators and its instruments (S4-16)."""

    expand = cards.WHOLE_TRACK


class CardSchema(OpenApiSerializerExtension):
    """The schema of what no serializer writes."""

    target_class = TrackSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema, direction) -> dict:
        return deepcopy(cards.SHAPE.schema(self.target.expand))  # spectacular writes into it
