"""Damaged files: what was found, what became of it, and the buttons to look again."""

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive import repairs, tasks
from apps.archive.models import PRESSING, STANDING, Finding
from apps.catalog.admin.blobs import BlobAdmin
from apps.catalog.models import Blob
from apps.lib import nudges, sizes
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, countdown, link_to

TONES = {"open": "warning", "unrepairable": "danger", "repaired": "success"}
DESK = {
    "standing": ("not repaired", Q(state__in=PRESSING)),
    **{state: (words, Q(state=state)) for state, words in Finding.machine.choices},
}


def stands(finding: Finding) -> bool:
    return finding.state in STANDING


def beyond_repair(finding: Finding) -> bool:
    return finding.state == "unrepairable"


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ["short_hash", "what", "place", "state_badge", "should", "there", "found", "repaired_from", "note"]
    list_filter = [choice_filter("state", "desk", DESK, default="standing", at_hand=True), "what", "place", "found_at"]
    search_fields = ["sha256__startswith"]
    search_help_text = "SHA-256, also its beginning"
    ordering = ["-id"]
    sortable_by = ["found"]
    actions = ["check_again_chosen", "repair_chosen", "write_off_chosen"]
    actions_row = actions_detail = ["check_again", "repair_now", "write_off"]
    fieldsets = [
        (None, {"fields": ["sha256", "stored_file", ("place", "what", "state_badge"), "concerns"]}),
        ("Found", {"fields": ["found_at", ("should", "there"), "found_sha256"]}),
        ("Repair", {"fields": [("repaired_from", "repaired_at"), "note"]}),
        ("Record", {"fields": [("created_at", "updated_at"), "id"]}),
    ]

    def has_run_permission(self, request) -> bool:
        return request.user.has_perm("archive.run")

    @display(description="SHA-256")
    def short_hash(self, finding) -> SafeString:
        return format_html('<code title="{}">{}</code>', finding.sha256, finding.sha256[:16])

    @display(description="state")
    def state_badge(self, finding) -> SafeString:
        return badge(finding.get_state_display(), TONES.get(finding.state, ""))

    @display(description="should be")
    def should(self, finding) -> str:
        return sizes.words(finding.size)

    @display(description="was")
    def there(self, finding) -> str:
        return "" if finding.what == "missing" else sizes.words(finding.found_size)

    @display(description="found", ordering="id")
    def found(self, finding) -> str:
        return countdown(finding.found_at)

    @display(description="stored file")
    def stored_file(self, finding) -> SafeString | str:
        return link_to(Blob.objects.filter(sha256=finding.sha256).first())

    @display(description="concerns")
    def concerns(self, finding) -> SafeString:
        """What is without its file when this is not repaired."""
        held = repairs.concerned([finding.sha256])[finding.sha256]
        return format_html_join(", ", "{} ({})", ((link_to(track), role) for track, role in held))

    @button("Check again", needs="archive.run", icon="search_check", offered=stands)
    def check_again(self, request, finding) -> str:
        repairs.ask(finding)
        nudges.send(tasks.scrub)
        return "A worker looks at it next, in every place, and repairs what it can."

    @button("Repair now", needs="archive.run", icon="healing", offered=stands)
    def repair_now(self, request, finding) -> str:
        return REPAIRED[repairs.mend(finding)]

    @button(
        "Write off", needs="archive.run", icon="heart_broken", offered=beyond_repair,
        sure="Nothing can be done about it: it raises no alarm any more. It is still looked at every day, and repaired "
        "should the right bytes come back.",
    )  # fmt: skip
    def write_off(self, request, finding) -> str:
        repairs.write_off(finding)
        return "It is written off, and raises no alarm any more."

    @admin.action(description="Check again", permissions=["run"])
    def check_again_chosen(self, request, queryset) -> None:
        self.each(request, queryset, "Check again", repairs.ask)
        nudges.send(tasks.scrub)

    @admin.action(description="Repair now", permissions=["run"])
    def repair_chosen(self, request, queryset) -> None:
        self.each(request, queryset, "Repair now", repairs.insist)

    @admin.action(description="Write off what is beyond repair", permissions=["run"])
    def write_off_chosen(self, request, queryset) -> None:
        self.each(request, queryset, "Write off", repairs.write_off)


REPAIRED = {
    "repaired": "It is repaired: the right bytes are there and were read back.",
    "unrepairable": "No place has the right bytes; the note says why the provider could not help.",
    "written_off": "Still no place and no provider has the right bytes.",
    "gone": "Nobody needs the file any more; it was removed.",
}


@button("Check now", needs="archive.run", icon="search_check")
def check_now(admin_page, request, blob: Blob) -> str:
    blob.ask()
    nudges.send(tasks.scrub)
    return "A worker reads it next, in every place, and repairs what it can."


BlobAdmin.extend(buttons=[check_now])
