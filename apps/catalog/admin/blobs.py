"""Staff's desk for stored bytes: what there is, and which tracks hold it."""

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.catalog.models import Blob, TrackFile
from apps.lib import sizes
from apps.lib.admin import ReadOnlyAdmin, ReadOnlyTable, choice_filter

COPIES = {"yes": ("copied", Q(copied_at__isnull=False)), "no": ("without a copy", Q(copied_at__isnull=True))}


class UsesTable(ReadOnlyTable):
    """Which tracks hold a content, and as what."""

    model = TrackFile
    verbose_name_plural = "held by"
    fields = ["track", "role"]
    per_page = 20

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("track").order_by("-pk")


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin):
    list_display = ["short_hash", "bytes", "mime", "verified_at", "copied_at", "uses"]
    list_filter = [choice_filter("copy", "copy", COPIES), "verified_at"]
    search_fields = ["sha256__startswith"]
    search_help_text = "SHA-256, also its beginning"
    ordering = ["-id"]
    sortable_by = ["bytes"]
    inlines = [UsesTable]
    fields = ["sha256", "bytes", "mime", "extension", "key", "verified_at", "copied_at", "copy_verified_at",
              "check_at", "created_at"]  # fmt: skip

    def get_queryset(self, request):
        held = TrackFile.objects.filter(blob=OuterRef("pk")).order_by().values("blob").annotate(n=Count("pk"))
        uses = Coalesce(Subquery(held.values("n"), output_field=IntegerField()), 0)
        return super().get_queryset(request).annotate(uses=uses)

    @display(description="SHA-256")
    def short_hash(self, blob) -> SafeString:
        return format_html('<code title="{}">{}</code>', blob.sha256, blob.sha256[:16])

    @display(description="size", ordering="size")
    def bytes(self, blob) -> str:
        return sizes.words(blob.size)

    @display(description="files")
    def uses(self, blob) -> int:
        return blob.uses
