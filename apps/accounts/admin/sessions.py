"""Where people are signed in (S4-09)."""

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.accounts import sessions
from apps.accounts.admin.rows import OfPerson
from apps.accounts.models import Session
from apps.lib import agents
from apps.lib.admin import ReadOnlyTable, button, choice_filter, countdown, press

PLACES = {
    "in": ("signed in", lambda now: Q(user__isnull=False, expire_date__gt=now)),
    "strangers": ("not signed in", lambda now: Q(user__isnull=True, expire_date__gt=now)),
    "over": ("expired", lambda now: Q(expire_date__lte=now)),
}


class _Facts:
    """Columns of a session, in the list and below a person."""

    @display(description="browser")
    def browser(self, session) -> SafeString:
        return format_html('<span title="{}">{}</span>', session.agent, agents.name(session.agent))

    @display(description="signed in")
    def since(self, session) -> str:
        return countdown(session.created_at)

    @display(description="last activity", ordering="last_activity")
    def seen(self, session) -> str:
        return countdown(session.last_activity)

    @display(description="ends")
    def ends(self, session) -> str:
        return countdown(session.expire_date)


class SessionsTable(_Facts, ReadOnlyTable):
    model = Session
    verbose_name_plural = "sessions"
    fields = ["address", "browser", "since", "seen", "ends", "out"]
    per_page = 10
    tab = True

    def get_queryset(self, request):
        alive = super().get_queryset(request).filter(expire_date__gt=timezone.now())
        return alive.defer("session_data").order_by("-last_activity")

    @display(description="")
    def out(self, session) -> SafeString:
        return press(session, "sign_out", "Sign out")


@admin.register(Session)
class SessionAdmin(_Facts, OfPerson):
    list_display = ["person", "address", "browser", "since", "seen", "ends"]
    list_display_links = ["address"]
    list_filter = [choice_filter("state", "state", PLACES, default="in", at_hand=True), "last_activity"]
    search_fields = ["user__email", "user__profile__username", "address", "agent"]
    search_help_text = "Person's e-mail or username, address, browser or session id"
    identities = ("id",)
    ordering = ["-last_activity"]
    sortable_by = ["seen"]
    actions = ["sign_out_all"]
    actions_row = actions_detail = ["sign_out"]
    fields = ["person", "address", "agent", "since", "seen", "ends", "id"]

    def has_end_permission(self, request) -> bool:
        return request.user.has_perm("accounts.change_session")

    def get_queryset(self, request):
        return super().get_queryset(request).defer("session_data")

    def called(self, session) -> str:
        return f"{session.user or 'nobody'} at {session.address}"

    def note(self, session, label) -> tuple:
        """The session is gone behind it; it stands with the person."""
        return session.user or session, f"{label}: {agents.name(session.agent)}, {session.address}"

    @button("Sign out", needs="accounts.change_session", icon="logout")
    def sign_out(self, request, session) -> str:
        sessions.end(session=session)
        return "This browser is signed out."

    @admin.action(description="Sign out", permissions=["end"])
    def sign_out_all(self, request, queryset) -> None:
        self.each(request, queryset, "Sign out", lambda session: sessions.end(session=session))
