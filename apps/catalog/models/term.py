"""The curated words of the catalogue, and the words that searching knows (S4-02, C-06)."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from apps.lib.records import Record


class Term(Record):
    """A genre, subgenre, mood, tag or creator's name in use. An alias stands for another: who writes it gets that."""

    class Kind(models.TextChoices):
        GENRE = "genre"
        SUBGENRE = "subgenre"
        MOOD = "mood"
        TAG = "tag"
        CREATOR = "creator"

    kind = models.CharField(max_length=10, choices=Kind, editable=False)
    name = models.CharField(max_length=255)
    stands_for = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="aliases", editable=False
    )
    is_curated = models.BooleanField("curated", default=False, help_text="Staff have looked at it.")
    uses = models.PositiveIntegerField(default=0, editable=False, help_text="Tracks that say it, as last counted.")

    class Meta:
        constraints = [
            models.UniqueConstraint("kind", Lower("name"), name="term_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["genre", "subgenre", "mood", "tag", "creator"]), name="term_kind_known"
            ),
            models.CheckConstraint(condition=~Q(stands_for=F("pk")), name="term_not_its_own_alias"),
        ]
        indexes = [
            models.Index("kind", F("uses").desc(), "name", name="term_most_used"),
            GinIndex(fields=["name"], name="term_trigram", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return self.name


class Word(models.Model):
    """A word of the public tracks' search vectors: what a mistyped one is put right to. Rebuilt, never edited."""

    word = models.CharField(primary_key=True, max_length=255)
    uses = models.PositiveIntegerField()

    class Meta:
        indexes = [GinIndex(fields=["word"], name="word_trigram", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return self.word
