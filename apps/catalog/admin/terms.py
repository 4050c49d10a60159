"""Staff's desk for words: what genres, moods, tags and creators there are, and how they are made one."""

from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.catalog import tasks, vocabulary
from apps.catalog.models import Term
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, link_to, page_of, press
from apps.lib.errors import Refusal

KIND = {kind: (f"{label}s", Q(kind=kind)) for kind, label in Term.Kind.choices}
STANDING = {
    "own": ("words", Q(stands_for__isnull=True)),
    "curated": ("curated words", Q(stands_for__isnull=True, is_curated=True)),
    "new": ("words nobody looked at", Q(stands_for__isnull=True, is_curated=False)),
    "alias": ("aliases", Q(stands_for__isnull=False)),
}
MOST_OFFERED = 500
# What the list of tracks is asked for, to show those that say the word.
LOOKUPS = {"genre": "genre__exact", "subgenre": "subgenre__exact", "mood": "mood__contains", "tag": "tags__contains"}


def tracks_saying(term: Term) -> str:
    """Address of the list of tracks that say it; a creator is searched for."""
    name = term.name
    if term.kind in ("mood", "tag"):
        name = '{"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"}'
    query = urlencode({LOOKUPS.get(term.kind, "q"): name})
    return f"{reverse('admin:catalog_track_changelist')}?{query}"


class WordForm(forms.Form):
    word = forms.CharField(
        label="Say instead", max_length=255, widget=UnfoldAdminTextInputWidget({"list": "words", "autocomplete": "off"})
    )


@admin.register(Term)
class TermAdmin(ReadOnlyAdmin):
    list_display = ["word", "said_by", "standing", "act"]
    list_display_links = ["word"]
    list_filter = [
        choice_filter("kind", "kind", KIND, default="genre", at_hand=True),
        choice_filter("standing", "standing", STANDING, default="own", at_hand=True),
    ]
    list_select_related = ["stands_for"]
    search_fields = ["name"]
    search_help_text = "Part of the word"
    ordering = ["-uses", "name"]
    sortable_by = ["word", "said_by"]
    actions = ["mark_curated", "mark_new"]
    actions_detail = ["replace_word", "curate", "set_free"]
    fieldsets = [(None, {"fields": [("name", "kind"), ("said_by", "standing"), "alias_names", "updated_at"]})]

    def has_curate_permission(self, request) -> bool:
        return request.user.has_perm("catalog.curate")

    @display(description="word", ordering="name")
    def word(self, term) -> str:
        return term.name

    @display(description="tracks", ordering="uses")
    def said_by(self, term) -> SafeString:
        """Under the alias there may be tracks from before it was one."""
        return format_html('<a href="{}" class="text-link">{}</a>', tracks_saying(term), f"{term.uses:,}")

    @display(description="standing")
    def standing(self, term) -> SafeString | str:
        if term.stands_for:
            return format_html("stands for {}", link_to(term.stands_for))
        return badge("curated", "success") if term.is_curated else ""

    @display(description="")
    def act(self, term) -> SafeString | str:
        return "" if term.stands_for_id else press(term, "replace_word", "Rename or merge", ask=True)

    @display(description="also written")
    def alias_names(self, term) -> SafeString | str:
        aliases = term.aliases.order_by("name")
        return format_html_join(", ", "{}", ((link_to(alias),) for alias in aliases)) or "–"

    @admin.action(description="Mark as curated", permissions=["curate"])
    def mark_curated(self, request, queryset) -> None:
        count = vocabulary.curate(terms=queryset, curated=True, by=request.user)
        self.message_user(request, f"{count} marked as curated.")

    @admin.action(description="Mark as not curated", permissions=["curate"])
    def mark_new(self, request, queryset) -> None:
        count = vocabulary.curate(terms=queryset, curated=False, by=request.user)
        self.message_user(request, f"{count} marked as not curated.")

    @action(description="Rename or merge", permissions=["catalog.curate"], url_path="replace-word", icon="merge")
    def replace_word(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks what is to be said instead, asks for the changeset and goes to its page."""
        term = self.get_object(request, object_id)
        if term is None:
            raise Http404
        form = WordForm(request.POST) if request.method == "POST" else WordForm()
        if form.is_bound and form.is_valid():
            try:
                changeset = vocabulary.replace(term=term, word=form.cleaned_data["word"], by=request.user)
            except Refusal as refusal:
                form.add_error("word", refusal.message)
            else:
                self.log_change(request, term, f"Asked for {changeset.title}")
                tasks.nudge_changesets()
                return HttpResponseRedirect(page_of(changeset))
        return self._replace_page(request, term, form)

    replace_word.offered = lambda term: term.stands_for_id is None

    def _replace_page(self, request: HttpRequest, term: Term, form: WordForm) -> TemplateResponse:
        others = vocabulary.offered(user=request.user, kind=term.kind).exclude(pk=term.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": term,
            "title": f"Rename or merge “{term.name}”",
            "term": term,
            "form": form,
            "others": others[:MOST_OFFERED],
            "tracks": tracks_saying(term),
            "back": page_of(term),
        }
        return TemplateResponse(request, "admin/catalog/term.html", context)

    @button("Mark as curated", needs="catalog.curate", icon="verified",
            offered=lambda term: not (term.is_curated or term.stands_for_id))  # fmt: skip
    def curate(self, request, term) -> str:
        vocabulary.curate(terms=Term.objects.filter(pk=term.pk), curated=True, by=request.user)
        return "It is curated: its spelling is taken for every other one."

    @button("No alias any more", needs="catalog.curate", icon="link_off",
            offered=lambda term: term.stands_for_id is not None)  # fmt: skip
    def set_free(self, request, term) -> str:
        vocabulary.free(term=term, by=request.user)
        return "It is a word of its own. Tracks stay as they are."
