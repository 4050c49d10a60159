"""A playlist file that came in, and what became of each of its lines (decision 0048)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.catalog.models import Track
from apps.lib.leases import Leased
from apps.lib.states import Machine
from apps.playlists.access import ImportAccess, OfVisibleImports
from apps.playlists.models.playlist import Playlist

IMPORT_STATES = Machine(
    "state",
    {
        "due": ("running", "failed"),
        "running": ("running", "retrying", "done", "failed"),
        "retrying": ("running", "failed"),
        "done": (),
        "failed": ("due",),
    },
)


class Import(Leased):
    """A file whose tracks are looked for and come into a playlist. A row of the queue (decision 0003)."""

    machine = IMPORT_STATES

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playlist_imports", db_index=False,
        editable=False,
    )  # fmt: skip
    playlist = models.ForeignKey(Playlist, on_delete=models.CASCADE, related_name="imports", editable=False)
    file_name = models.CharField(max_length=255, editable=False, help_text="As it was called; for showing only.")
    form = models.CharField("format", max_length=4, editable=False)
    encoding = models.CharField(max_length=20, editable=False)
    state = machine.column()
    lines_total = models.PositiveIntegerField(default=0, editable=False)
    lines_done = models.PositiveIntegerField(default=0, editable=False, help_text="Lines that were looked for.")
    done_at = models.DateTimeField(null=True, editable=False)

    objects = ImportAccess.as_manager()

    class Meta:
        constraints = [
            IMPORT_STATES.constraint("import_state_known"),
            models.CheckConstraint(condition=Q(form__in=["m3u8", "xspf", "jspf", "csv"]), name="import_form_known"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(done_at__isnull=False, lines_done=F("lines_total")),
                name="import_done_when_all_lines_are",
            ),
        ]
        indexes = [
            models.Index("user", F("id").desc(), name="import_newest_of_user"),
            models.Index("next_at", condition=Q(state__in=["due", "retrying"]), name="import_due"),
        ]

    def __str__(self) -> str:
        return self.file_name


class ImportLine(models.Model):
    """What a line says, how its track was found, and whether it came into the playlist. `number` counts from 1."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "not looked for yet"
        FOUND = "found", "found, not in the playlist yet"
        ADDED = "added", "in the playlist"
        DOUBLE = "double", "the playlist has this track already"
        FULL = "full", "the playlist is full"
        UNRESOLVED = "unresolved", "no track found for sure"
        IGNORED = "ignored", "left out"

    class How(models.TextChoices):
        ID = "id", "by its id here"
        ISRC = "isrc", "by its ISRC"
        BYTES = "bytes", "by its file's hash"
        WORDS = "words", "by title, artist and length"
        PERSON = "person", "by hand"

    id = models.BigAutoField(primary_key=True)
    imported = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="lines", db_index=False, editable=False)
    number = models.PositiveIntegerField(editable=False)
    title = models.CharField(max_length=500, blank=True, default="", editable=False)
    artist = models.CharField(max_length=500, blank=True, default="", editable=False)
    duration_ms = models.PositiveBigIntegerField(null=True, editable=False, db_comment="milliseconds")
    isrc = models.CharField(max_length=20, blank=True, default="", editable=False)
    sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    named = models.UUIDField(null=True, editable=False, help_text="The id of a track of this house.")
    location = models.CharField(
        max_length=2_000, blank=True, default="", editable=False, help_text="Told, and never fetched."
    )
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING, editable=False)
    how = models.CharField(max_length=6, choices=How, blank=True, default="", editable=False)
    confidence = models.DecimalField(max_digits=4, decimal_places=3, null=True, editable=False, help_text="0 to 1")
    track = models.ForeignKey(Track, null=True, on_delete=models.PROTECT, related_name="+", editable=False)

    objects = OfVisibleImports.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["imported", "number"], name="import_line_once"),
            models.CheckConstraint(
                condition=Q(
                    outcome__in=["waiting", "found", "added", "double", "full", "unresolved", "ignored"],
                ),
                name="import_line_outcome_known",
            ),
            models.CheckConstraint(
                condition=Q(how__in=["", "id", "isrc", "bytes", "words", "person"]), name="import_line_how_known"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["found", "added", "double", "full"], track__isnull=False)
                | Q(outcome__in=["waiting", "unresolved", "ignored"], track__isnull=True),
                name="import_line_track_when_found",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__range=(0, 1)), name="import_line_confidence_range"
            ),
        ]
        indexes = [models.Index("imported", "outcome", "number", name="import_line_by_outcome")]

    def __str__(self) -> str:
        return f"{self.number}: {self.artist} - {self.title}" if self.artist else f"{self.number}: {self.title}"
