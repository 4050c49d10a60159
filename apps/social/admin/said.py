"""Staff's desk for posts and comments: found, read, hidden and shown again, each with a reason."""

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import smart_split
from unfold.decorators import display

from apps.accounts.models import User
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, link_to
from apps.social import counts, moderation
from apps.social.admin.asking import Reasoned, in_bulk, line, name_of, on_site, standing
from apps.social.models import Comment, Decision, Post, Report

STATUS = {status: (status, Q(status=status)) for status in Post.machine.states}
KINDS = {"text": ("text", Q(post_type="text")), "audio": ("with a track", Q(post_type="audio"))}
OUT_OF_SIGHT = "Only its author and moderators will see it. The author is told the reason, not who reported it."
# Of the reports and the decisions of one thing; a list of them all takes seconds once thousands were told of it.
MOST_TOLD = 100
BACK = "Everybody will see it again. The author is told the reason."


def _reported(model: type[moderation.Said]) -> Q:
    """Of which a report is open."""
    open_ones = Report.objects.filter(state="open", **{f"{model._meta.model_name}__isnull": False})
    return Q(pk__in=open_ones.values(model._meta.model_name))


def record(request, row: Post | Comment) -> str:
    """What it says, what was reported of it and what was decided."""
    told = {
        name: model.objects.visible_to(request.user)
        .filter(**{row._meta.model_name: row})
        .select_related("by__profile")
        .order_by("-pk")[:MOST_TOLD]
        for name, model in (("reports", Report), ("decisions", Decision))
    }
    context = {"row": row, "page": moderation.page_of(row), "most": MOST_TOLD, **told}
    return render_to_string("admin/social/record.html", context, request)


def words_of(text: str) -> list[str]:
    """What is searched for, each by itself; in quotation marks it may have spaces."""
    return [piece.strip("\"'") for piece in smart_split(text)]


def saying(word: str) -> Q:
    """Posts or comments with this word, or by whoever is called so."""
    named = User.objects.filter(Q(email__iexact=word) | Q(profile__username__iexact=word))
    return Q(content__icontains=word) | Q(author__in=[*named.values_list("pk", flat=True)])


class SaidAdmin(Reasoned, ReadOnlyAdmin):
    search_fields = ["content"]  # there is a box to search in; what it finds says `search`
    search_help_text = "Words, author's username or e-mail, or an id"
    ordering = ["-id"]
    sortable_by = ["created"]
    actions = [
        in_bulk("Hide", moderation.hide, f"All of them get this reason. {OUT_OF_SIGHT}"),
        in_bulk("Restore", moderation.restore, f"All of them get this reason. {BACK}"),
    ]
    actions_detail = ["hide", "restore"]
    panels = (record,)

    def get_queryset(self, request):
        of = {self.model._meta.model_name: OuterRef("pk")}
        waiting = Report.objects.filter(state="open", **of).order_by().values(*of).annotate(n=Count("pk")).values("n")
        rows = super().get_queryset(request).select_related("author__profile")
        return rows.annotate(waiting=Coalesce(Subquery(waiting, output_field=IntegerField()), 0))

    def search(self, request, queryset, text: str) -> tuple[QuerySet, bool]:
        """Each word, by an index, or its author: who that may be is asked first, for a join would read every row."""
        for word in words_of(text):
            queryset = queryset.filter(saying(word))
        return queryset, False

    def called(self, row) -> str:
        return line(row, 60)

    @display(description="words")
    def words(self, row) -> SafeString:
        return format_html('<span class="said-line">{}</span>', line(row))

    @display(description="author")
    def person(self, row) -> SafeString | str:
        return link_to(row.author, name_of(row.author)) or name_of(None)

    @display(description="state")
    def state(self, row) -> SafeString:
        return standing(row)

    @display(description="open reports")
    def reported(self, row) -> SafeString | str:
        return badge(str(row.waiting), "danger") if row.waiting else ""

    @display(description="created", ordering="id")
    def created(self, row) -> str:
        return f"{row.created_at:%Y-%m-%d %H:%M}"

    @display(description="page")
    def page(self, row) -> SafeString:
        return on_site(row)

    @button("Hide", needs="social.moderate", icon="visibility_off", sure=OUT_OF_SIGHT,
            offered=lambda row: row.status == "shown")  # fmt: skip
    def hide(self, request, row) -> str:
        moderation.hide(said=row, by=request.user, reason=request.POST.get("reason", ""))
        return "It is hidden, and its author is told why."

    @button("Restore", needs="social.moderate", icon="visibility", sure=BACK,
            offered=lambda row: row.status == "hidden")  # fmt: skip
    def restore(self, request, row) -> str:
        moderation.restore(said=row, by=request.user, reason=request.POST.get("reason", ""))
        return "Everybody sees it again, and its author is told why."


@admin.register(Post)
class PostAdmin(SaidAdmin):
    list_display = ["words", "person", "state", "reported", "to_track", "likes", "comments", "created"]
    list_filter = [
        choice_filter("state", "status", STATUS, at_hand=True),
        choice_filter("reports", "reported", {"open": ("open ones", _reported(Post))}, at_hand=True),
        choice_filter("kind", "kind", KINDS),
        "created_at",
    ]
    identities = ("pk", "track", "author")
    fieldsets = [
        (None, {"fields": [("person", "state"), ("to_track", "page"), ("likes", "comments")]}),
        ("Record", {"fields": [("created_at", "edited_at"), "id"]}),
    ]

    def get_queryset(self, request):
        return counts.with_counts(super().get_queryset(request).select_related("track"))

    @display(description="track")
    def to_track(self, post) -> SafeString | str:
        return format_html('<span class="clipped">{}</span>', link_to(post.track)) if post.track else ""

    @display(description="likes")
    def likes(self, post) -> str:
        return f"{post.likes_now:,}"

    @display(description="comments")
    def comments(self, post) -> str:
        return f"{post.comments_now:,}"


@admin.register(Comment)
class CommentAdmin(SaidAdmin):
    list_display = ["words", "person", "state", "reported", "to_post", "depth", "created"]
    list_filter = [
        choice_filter("state", "status", STATUS, at_hand=True),
        choice_filter("reports", "reported", {"open": ("open ones", _reported(Comment))}, at_hand=True),
        "created_at",
    ]
    identities = ("pk", "post", "parent", "author")
    fieldsets = [
        (None, {"fields": [("person", "state"), ("to_post", "page"), ("answers", "depth")]}),
        ("Record", {"fields": [("created_at", "edited_at"), "id"]}),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("post", "parent")

    @display(description="post")
    def to_post(self, comment) -> SafeString:
        return link_to(comment.post, line(comment.post, 40))

    @display(description="answers")
    def answers(self, comment) -> SafeString | str:
        return link_to(comment.parent, line(comment.parent)) if comment.parent else "the post"
