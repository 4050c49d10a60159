"""Folders of the server that come in, and every file of them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.catalog.models import Track
from apps.lib.leases import Leased
from apps.lib.records import Record
from apps.lib.states import Machine
from apps.uploads.access import FolderAccess

FOLDER_STATES = Machine(
    "state",
    {
        "due": ("running", "stopped"),
        "running": ("running", "due", "done", "stopped"),
        "done": ("due",),
        "stopped": ("due",),
    },
)
FILE_STATES = Machine(
    "state",
    {"waiting": ("imported", "known", "refused"), **dict.fromkeys(("imported", "known", "refused"), ("waiting",))},
)


class FolderImport(Leased):
    """A folder of the server that comes in file by file, for its `person` or, without one, for the house's library.

    One row for a folder and a person, however often it is begun: what has come in is not brought in again.
    """

    machine = FOLDER_STATES

    path = models.CharField(max_length=600, editable=False, help_text="On the server.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="folder_imports", editable=False
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    publishes = models.BooleanField(default=False, editable=False, help_text="Everyone hears its tracks.")
    state = machine.column()
    listed_at = models.DateTimeField(null=True, editable=False, help_text="When all its files were known.")

    objects = FolderAccess.as_manager()

    class Meta:
        constraints = [
            FOLDER_STATES.constraint("folder_state_known"),
            models.UniqueConstraint(fields=["path", "person"], name="folder_once", nulls_distinct=False),
        ]
        indexes = [models.Index("next_at", condition=Q(state="due"), name="folder_due")]

    def __str__(self) -> str:
        return f"{self.path}: {self.state}"


class FolderFile(Record):
    """One file below the folder, as it was when it was looked at last, and what became of it."""

    machine = FILE_STATES

    folder = models.ForeignKey(FolderImport, on_delete=models.CASCADE, related_name="files", editable=False)
    path = models.CharField(max_length=600, editable=False, help_text="Below the folder.")
    size_bytes = models.BigIntegerField(editable=False, db_comment="bytes")
    changed_ns = models.BigIntegerField(editable=False, db_comment="nanoseconds since 1970, as the file says")
    state = machine.column()
    track = models.ForeignKey(Track, null=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    error_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    error_message = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        constraints = [
            FILE_STATES.constraint("folder_file_state_known"),
            models.UniqueConstraint(fields=["folder", "path"], name="folder_file_once"),
        ]
        indexes = [models.Index("folder", "state", "id", name="folder_file_by_state")]

    def __str__(self) -> str:
        return f"{self.path}: {self.state}"
