"""What the community's pages share: how something said is shown in a line, and the question why."""

from collections.abc import Callable

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import truncatechars
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.accounts.models import User
from apps.lib.admin import badge, page_of
from apps.social import moderation
from apps.social.models import Comment, Post

TONES = {"shown": "success", "hidden": "warning", "removed": ""}


def line(row: Post | Comment, longest: int = 90) -> str:
    """Its words in one line, or what it is."""
    return truncatechars(" ".join(row.content.split()), longest) or f"{row._meta.verbose_name} without words"


def name_of(person: User | None) -> str:
    if person is None:
        return "somebody who left"
    profile = getattr(person, "profile", None)
    return profile.username if profile else str(person)


def standing(row: Post | Comment) -> SafeString:
    return badge(row.status, TONES[row.status])


def on_site(row: Post | Comment) -> SafeString:
    return format_html('<a href="{}" class="text-link">On the site</a>', moderation.page_of(row))


class WhyForm(forms.Form):
    reason = forms.CharField(
        label="Reason", max_length=moderation.LONGEST_REASON, widget=UnfoldAdminTextInputWidget({"autofocus": True}),
    )  # fmt: skip


class Reasoned:
    """Buttons of an admin page that ask for a reason before they act."""

    def ask(self, request: HttpRequest, row: Model, label: str, question: str) -> TemplateResponse:
        return why_page(self, request, label=f"{label}: {self.called(row)}", question=question, back=page_of(row))

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("social.moderate")


def why_page(model_admin, request: HttpRequest, *, form: WhyForm | None = None, **words) -> TemplateResponse:
    """`label`, `question`, `back`; `hidden` are further pairs of the form."""
    context = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts, "title": words["label"]}
    return TemplateResponse(request, "admin/social/why.html", {**context, **words, "form": form or WhyForm()})


def in_bulk(label: str, act: Callable, question: str, *, of: Callable = lambda row: row) -> Callable:
    """An action over chosen rows with one reason for all of them; `of(row)` is what is decided on."""

    @admin.action(description=f"{label}…", permissions=["moderate"])
    def chosen(model_admin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        form = WhyForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            model_admin.each(request, queryset, label, lambda row: act(said=of(row), by=request.user, reason=reason))
            return None
        keys = request.POST.getlist(ACTION_CHECKBOX_NAME)
        hidden = [("action", chosen.__name__), ("index", "0"), *((ACTION_CHECKBOX_NAME, key) for key in keys)]
        words = {"label": f"{label}: {len(keys)} chosen", "question": question, "back": request.get_full_path()}
        return why_page(model_admin, request, form=form if form.is_bound else None, hidden=hidden, **words)

    chosen.__name__ = f"{act.__name__}_chosen"
    return chosen
