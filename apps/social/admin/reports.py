"""The queue of reports: a line for each thing that was reported, settled one after the other by keyboard or in bulk."""

from django import forms
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, F, Func, OuterRef, Q, QuerySet, Subquery
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, link_to, page_of
from apps.social import moderation
from apps.social.admin.asking import Reasoned, in_bulk, line, name_of, standing
from apps.social.admin.said import OUT_OF_SIGHT, record, saying, words_of
from apps.social.models import Comment, Post, Report

TONES = {"open": "warning", "upheld": "success", "dismissed": ""}
# Of a thing that several people reported the newest report stands for all that stand alike; `All` has every one.
STATE = {state: (state, moderation.one_each(state)) for state in Report.machine.states}
ABOUT = {"post": ("posts", Q(post__isnull=False)), "comment": ("comments", Q(comment__isnull=False))}
STAYS = "It stays as it is. Every open report of it is settled; its author is told nothing."
# Keys 1 to 6 put them into the box.
USUAL = ["Spam", "Abuse or hate", "Somebody else's work", "Against the rules", "Within the rules", "Taken back"]


def desk(request, report: Report) -> str:
    """The form that settles it, where it is open and the viewer may."""
    context = {
        "report": report,
        "said": report.said,
        "usual": USUAL,
        "longest": moderation.LONGEST_REASON,
        "may": report.state == "open" and request.user.has_perm("social.moderate"),
        "skip": page_of(_next(request, report)) if _next(request, report) else "",
        "left": moderation.queue(request.user).count(),
    }
    return render_to_string("admin/social/desk.html", context, request)


def reported(request, report: Report) -> str:
    return record(request, report.said)


def _next(request, report: Report) -> Report | None:
    """The one below it in the queue; from the top when there is none."""
    rows = moderation.queue(request.user).exclude(pk=report.pk).order_by("-pk")
    return rows.filter(pk__lt=report.pk).first() or rows.first()


@admin.register(Report)
class ReportAdmin(Reasoned, ReadOnlyAdmin):
    list_display = ["words", "author", "status", "why", "people", "standing", "newest"]
    list_filter = [
        choice_filter("state", "state", STATE, default="open", at_hand=True),
        choice_filter("about", "about", ABOUT, at_hand=True),
        "created_at",
    ]
    search_fields = ["details"]  # there is a box to search in; what it finds says `search`
    search_help_text = "Words, author's username or e-mail, what was said to moderators, or an id"
    identities = ("pk", "post", "comment", "by")
    ordering = ["-id"]
    sortable_by = ["newest"]
    actions = [
        in_bulk("Hide", moderation.hide, f"All of them get this reason. {OUT_OF_SIGHT}", of=lambda row: row.said),
        in_bulk("Dismiss", moderation.dismiss, f"All of them get this reason. {STAYS}", of=lambda row: row.said),
    ]
    actions_detail = ["hide_reported", "dismiss_reports"]
    panels = (desk, reported)
    fieldsets = [("Record", {"fields": [("standing", "newest"), "id"]})]

    class Media:
        js = [forms.Script("admin-keeptrack/moderation.js", type="module")]

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        alike = Report.objects.filter(
            Q(post=OuterRef("post")) | Q(comment=OuterRef("comment")), state=OuterRef("state")
        )
        reasons = Func(F("reason"), function="array_agg", output_field=ArrayField(CharField()))
        rows = rows.annotate(reasons=Subquery(alike.order_by().annotate(n=reasons).values("n")))
        return rows.select_related("post__author__profile", "comment__author__profile")

    def search(self, request, queryset, text: str) -> tuple[QuerySet, bool]:
        """Each word in one of three places, each asked by its own index: a choice of columns would read every row."""
        for word in words_of(text):
            posts, comments = (model.objects.filter(saying(word)).values("pk") for model in (Post, Comment))
            found = Report.objects.order_by().values("pk")
            places = (Q(details__icontains=word), Q(post__in=posts), Q(comment__in=comments))
            first, *others = (found.filter(place) for place in places)
            queryset = queryset.filter(pk__in=first.union(*others))
        return queryset, False

    def called(self, report) -> str:
        return line(report.said, 60)

    @display(description="what was said")
    def words(self, report) -> SafeString:
        kind = "comment" if report.comment_id else "post"
        return format_html('<span class="two-lines">{}<small>{}</small></span>', line(report.said), kind)

    @display(description="author")
    def author(self, report) -> SafeString | str:
        return link_to(report.said.author, name_of(report.said.author)) or name_of(None)

    @display(description="it is")
    def status(self, report) -> SafeString:
        return standing(report.said)

    @display(description="reported for")
    def why(self, report) -> SafeString:
        labels = (Report.Reason(reason).label for reason in sorted(set(report.reasons)))
        return format_html_join(" ", "{}", ((badge(label, "info"),) for label in labels))

    @display(description="reports")
    def people(self, report) -> int:
        return len(report.reasons)

    @display(description="state")
    def standing(self, report) -> SafeString:
        return badge(report.state, TONES[report.state])

    @display(description="reported", ordering="id")
    def newest(self, report) -> str:
        return f"{report.created_at:%Y-%m-%d %H:%M}"

    @button("Hide", needs="social.moderate", sure=OUT_OF_SIGHT, offered=lambda report: False)
    def hide_reported(self, request, report) -> str:
        """Posted by the form of the report's page; leads to the next report."""
        moderation.hide(said=report.said, by=request.user, reason=request.POST.get("reason", ""))
        return self._go_on(request, report, "It is hidden, and its author is told why.")

    @button("Dismiss", needs="social.moderate", sure=STAYS, offered=lambda report: False)
    def dismiss_reports(self, request, report) -> str:
        """Posted by the form of the report's page; leads to the next report."""
        moderation.dismiss(said=report.said, by=request.user, reason=request.POST.get("reason", ""))
        return self._go_on(request, report, "It stays. Its reports are settled.")

    def _go_on(self, request, report: Report, said: str) -> str:
        there = _next(request, report)
        request.POST = request.POST.copy()
        request.POST["next"] = page_of(there) if there else self.list_page
        return said if there else f"{said} Nothing more is waiting."
