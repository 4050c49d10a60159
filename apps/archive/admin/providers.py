"""What the archive adds to a provider's page: its lifetimes for what is not archived yet."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.archive import schedule
from apps.archive.providers import client
from apps.catalog.admin.providers import ProviderAdmin
from apps.catalog.models import Provider
from apps.lib.admin import button


def waiting(request, provider: Provider) -> SafeString:
    """How much a changed lifetime would concern, and whether its API is asked."""
    asked = "is asked for generations and fresh addresses" if client(provider.code).can_read() else "is not asked"
    return format_html(
        "<p>{} files are not archived yet. Its API {}.</p>", schedule.unarchived(provider).count(), asked
    )


@button(
    "Apply lifetimes", needs="catalog.change_provider", icon="update",
    sure="Count the lifetimes of today also for the files of this provider that are not archived yet?",
    offered=lambda provider: schedule.unarchived(provider).exists(),
)  # fmt: skip
def apply_lifetimes(admin_page, request, provider: Provider) -> str:
    return f"{schedule.apply_lifetimes(provider)} files expire by today's lifetimes now."


ProviderAdmin.extend(buttons=[apply_lifetimes], panels=[waiting])
