"""What the lists of people's things have in common."""

from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.lib.admin import ReadOnlyAdmin, link_to


class OfPerson(ReadOnlyAdmin):
    """Rows that belong to one person and are written elsewhere."""

    search_fields: tuple = ("user__email", "user__profile__username")
    search_help_text = "Person's e-mail or username"
    ordering: tuple = ("-id",)
    sortable_by: tuple = ()

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user")

    @display(description="person")
    def person(self, row) -> SafeString | str:
        return link_to(row.user)
