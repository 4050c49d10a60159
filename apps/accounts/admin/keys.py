"""API keys, by their first characters only."""

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.accounts import actions
from apps.accounts.admin.rows import OfPerson
from apps.accounts.models import ApiKey
from apps.lib.admin import ReadOnlyTable, badge, button, choice_filter, countdown, link_to

STATES = {
    "kept": ("not revoked", Q(revoked_at__isnull=True)),
    "revoked": ("revoked", Q(revoked_at__isnull=False)),
}


def key_badge(key: ApiKey) -> SafeString:
    if key.revoked_at:
        return badge("revoked", "danger")
    if key.expires_at and key.expires_at <= timezone.now():
        return badge("expired")
    return badge("usable", "success")


class _Facts:
    """Columns of a key, in the list and below a person."""

    @display(description="scopes")
    def allows(self, key) -> str:
        return ", ".join(key.scopes)

    @display(description="last used")
    def used(self, key) -> str:
        return countdown(key.last_used_at) or "never"

    @display(description="state")
    def state(self, key) -> SafeString:
        return key_badge(key)


class KeysTable(_Facts, ReadOnlyTable):
    model = ApiKey
    verbose_name_plural = "API keys"
    fields = ["key", "allows", "used", "expires_at", "state"]
    per_page = 10
    tab = True

    def get_queryset(self, request):
        return super().get_queryset(request).order_by("-id")

    @display(description="key")
    def key(self, key) -> SafeString:
        return link_to(key)


@admin.register(ApiKey)
class ApiKeyAdmin(_Facts, OfPerson):
    list_display = ["key", "person", "allows", "used", "expires_at", "state"]
    list_filter = [choice_filter("state", "state", STATES)]
    search_fields = ["user__email", "name", "prefix__startswith"]
    search_help_text = "Person's e-mail, key's name or its first characters"
    actions_row = actions_detail = ["revoke"]
    fields = ["name", "prefix", "person", "allows", "state", "last_used_at", "expires_at", "revoked_at", "created_at"]

    @display(description="key")
    def key(self, key) -> str:
        return str(key)

    @button("Revoke", needs="accounts.change_apikey", icon="key_off", offered=lambda key: key.revoked_at is None,
            sure="Programs that use it are locked out at once. A revoked key never works again.")  # fmt: skip
    def revoke(self, request, key) -> str:
        actions.revoke_key(key=key)
        return "The key was revoked."
