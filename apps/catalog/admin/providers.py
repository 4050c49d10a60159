"""Staff's desk for the services that generate tracks: how long they keep files, and who may serve them."""

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.catalog.models import Provider, ProviderSource
from apps.lib.admin import AccessAdmin, span


class ProviderForm(forms.ModelForm):
    class Meta:
        widgets = {"hosts": UnfoldAdminTextareaWidget({"rows": 3})}
        help_texts = {
            "lifetime": "How long after generation its addresses work, such as “15 days, 0:00:00” or “1:00:00”. "
            "Holds for tracks that are registered from now on.",
            "hosts": "Hosts that may serve its files, separated by commas: exact names, or “.example.com” for every "
            "name below it.",
        }


@admin.register(Provider)
class ProviderAdmin(AccessAdmin):
    form = ProviderForm
    deletable = True
    list_display = ["name", "code", "lives", "served_from", "used"]
    ordering = ["name"]
    fields = ["code", "name", "lifetime", ("audio_lifetime", "cover_lifetime", "video_lifetime"), "hosts"]

    def get_queryset(self, request):
        return (
            super().get_queryset(request).annotate(used=Exists(ProviderSource.objects.filter(provider=OuterRef("pk"))))
        )

    def get_readonly_fields(self, request, obj=None):
        return ["code"] if obj else []

    def has_delete_permission(self, request, obj=None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.sources.exists())

    @display(description="lifetime", ordering="lifetime")
    def lives(self, provider) -> str:
        return span(provider.lifetime)

    @display(description="hosts")
    def served_from(self, provider) -> str:
        return ", ".join(provider.hosts)

    @display(description="used", boolean=True)
    def used(self, provider) -> bool:
        return provider.used
