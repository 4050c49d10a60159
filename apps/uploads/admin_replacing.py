"""Former originals on a track's page of the admin; `admin.py` adds them."""

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.catalog import tasks as catalog
from apps.catalog.admin.panels import clock_time
from apps.catalog.models import FormerFile
from apps.lib import nudges, sizes
from apps.lib.admin import ReadOnlyTable, button, link_to, moment
from apps.lib.errors import NotFound
from apps.uploads import replacing


class FormerTable(ReadOnlyTable):
    model = FormerFile
    verbose_name_plural = "former audio"
    fields = ["file_name", "codec", "length", "size", "hash", "replaced", "person"]

    @classmethod
    def fits(cls, row) -> bool:
        return row.former_files.exists()

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("blob", "replaced_by__profile").order_by("-pk")

    @display(description="length")
    def length(self, former) -> str:
        return clock_time(former.duration_ms)

    @display(description="size")
    def size(self, former) -> str:
        return sizes.words(former.blob.size)

    @display(description="SHA-256")
    def hash(self, former) -> SafeString:
        return link_to(former.blob, former.blob.sha256[:12])

    @display(description="replaced")
    def replaced(self, former) -> str:
        return moment(former.created_at)

    @display(description="by")
    def person(self, former) -> str:
        profile = getattr(former.replaced_by, "profile", None)
        return profile.username if profile else ""


def warning(request, track) -> str:
    """That the present audio sounds like another recording than the one before; nothing when it does not."""
    said = replacing.warning(track)
    return render_to_string("admin/uploads/warning.html", {"warning": said}) if said else ""


@button("Put the former audio back", needs="catalog.curate", icon="undo",
        sure="What it sounds like now becomes the former audio and can be put back in turn.",
        offered=lambda track: not track.removed_at and track.former_files.exists())  # fmt: skip
def put_back(self, request, track) -> str:
    former = replacing.former(track).first()
    if former is None:
        raise NotFound("There is no former audio to put back.")
    replacing.restore(former=former, by=request.user)
    nudges.send(catalog.sweep)
    return "The former audio is back."
