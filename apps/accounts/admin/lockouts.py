"""Who guessed too often, and the button that lets them try again."""

from django.conf import settings
from django.contrib import admin
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.accounts import lockout
from apps.accounts.models import Lockout, User
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, countdown, page_of

STATES = {
    "locked": ("locked out now", lambda now: Q(locked_until__gt=now)),
    "counted": ("failed, not locked out", lambda now: ~Q(locked_until__gt=now) | Q(locked_until__isnull=True)),
}


def failed_attempts(row: Lockout) -> int:
    """failed_login_attempts: of this pair, since it last succeeded or was forgotten."""
    return row.failures + row.times_locked * settings.LOCKOUT_FAILURES


@admin.register(Lockout)
class LockoutAdmin(ReadOnlyAdmin):
    list_display = ["email", "address", "state", "attempts", "times_locked", "failed", "until", "person"]
    list_filter = [choice_filter("state", "state", STATES, default="locked", at_hand=True)]
    search_fields = ["email", "address__startswith"]
    search_help_text = "E-mail address, or the beginning of the address it was tried from"
    ordering = ["-failed_at"]
    sortable_by = ["failed"]
    actions = ["lift_all"]
    actions_row = actions_detail = ["lift"]
    fields = ["email", "person", "address", "state", ("attempts", "times_locked"), ("failed", "until")]

    def has_lift_permission(self, request) -> bool:
        return request.user.has_perm("accounts.change_lockout")

    def get_queryset(self, request):
        # Lower, as the index has it: iexact would compare in capitals and read every person for every row.
        known = User.objects.alias(low=Lower("email")).filter(low=OuterRef("email")).values("pk")[:1]
        return super().get_queryset(request).annotate(person_id=Subquery(known))

    def note(self, row, label) -> tuple:
        """The row is gone behind it; it stands with the person, if the address is anybody's."""
        person = User.objects.filter(pk=row.person_id).first()
        return person or row, f"{label}: {row}"

    @display(description="state")
    def state(self, row) -> SafeString:
        locked = row.locked_until and row.locked_until > timezone.now()
        return badge("locked out", "danger") if locked else badge("counted", "warning")

    @display(description="failed attempts")
    def attempts(self, row) -> int:
        return failed_attempts(row)

    @display(description="last failure", ordering="failed_at")
    def failed(self, row) -> str:
        return countdown(row.failed_at)

    @display(description="locked until")
    def until(self, row) -> str:
        return countdown(row.locked_until)

    @display(description="account")
    def person(self, row) -> SafeString | str:
        if row.person_id is None:
            return "nobody's"
        return format_html('<a href="{}" class="text-link">open</a>', page_of(User(pk=row.person_id)))

    @button("Lift the lock-out", needs="accounts.change_lockout", icon="lock_open_right")
    def lift(self, request, row) -> str:
        lockout.lift(email=row.email)
        return f"{row.email} may try again, from everywhere."

    @admin.action(description="Lift the lock-out", permissions=["lift"])
    def lift_all(self, request, queryset) -> None:
        self.each(request, queryset, "Lift the lock-out", lambda row: lockout.lift(email=row.email))
