"""What people were told, and whether they have read it."""

from django.contrib import admin
from django.db.models import Q
from unfold.decorators import display

from apps.accounts.admin.rows import OfPerson
from apps.accounts.models import Notice
from apps.lib.admin import ReadOnlyTable, choice_filter, countdown

READ = {
    "no": ("not read", Q(read_at__isnull=True)),
    "yes": ("read", Q(read_at__isnull=False)),
}


class _Facts:
    """Columns of a notice, in the list and below a person."""

    @display(description="told")
    def told(self, notice) -> str:
        return countdown(notice.created_at)

    @display(description="read")
    def seen(self, notice) -> str:
        return countdown(notice.read_at) or "not yet"

    @display(description="mailed")
    def mailed(self, notice) -> str:
        return countdown(notice.mailed_at) or "not yet"


class NoticesTable(_Facts, ReadOnlyTable):
    model = Notice
    verbose_name_plural = "notices"
    fields = ["told", "title", "message", "seen"]
    per_page = 10
    tab = True

    def get_queryset(self, request):
        return super().get_queryset(request).order_by("-id")


@admin.register(Notice)
class NoticeAdmin(_Facts, OfPerson):
    list_display = ["title", "person", "kind", "told", "seen", "mailed"]
    list_filter = [choice_filter("state", "state", READ), "created_at"]
    search_fields = ["user__email", "user__profile__username", "kind", "subject", "title"]
    search_help_text = "Person's e-mail or username, title, kind, or what it is about"
    fields = ["person", "kind", "subject", "title", "message", "link", ("told", "seen", "mailed")]
