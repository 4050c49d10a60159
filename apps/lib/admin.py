"""The admin's door half: pages that start at what the viewer may see, and buttons that make one domain call.

Buttons act on POST only. A GET answers with a page that asks, so that no link from elsewhere can act for a signed-in
person; a small script posts at once where there is nothing to ask.
"""

import datetime as dt
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, reduce, wraps
from operator import or_
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.admin import ShowFacets, SimpleListFilter
from django.contrib.admin.checks import ModelAdminChecks
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin, StackedInline, TabularInline, checkbox
from unfold.decorators import action, display

from apps.lib.admin_lists import CappedPaginator, Rows, moment, paginator_for
from apps.lib.errors import Refusal

log = logging.getLogger(__name__)

TICK = checkbox.render(ACTION_CHECKBOX_NAME, "{}")
MOST_AT_ONCE = 200
MOST_NAMES = 20


@lru_cache(maxsize=512)
def badge(text: str, tone: str = "") -> SafeString:
    """A small coloured label; tones: success, info, warning, danger, or none."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": tone})


def span(length: dt.timedelta) -> str:
    """`13 d 4 h`, `4 h 10 min`, `10 min`, `8 s`: the two largest units that matter."""
    seconds = int(abs(length).total_seconds())
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def countdown(when: dt.datetime | None, now: dt.datetime | None = None) -> SafeString | str:
    """`in 13 d 4 h`, `2 h ago` or `just now`, with the exact time on hover; empty without a time."""
    if when is None:
        return ""
    left = when - (now or timezone.now())
    past = f"{span(left)} ago" if left <= -dt.timedelta(minutes=1) else "just now"
    words = f"in {span(left)}" if left > dt.timedelta(0) else past
    return format_html('<time datetime="{}" title="{}">{}</time>', when.isoformat(), moment(when), words)


def page_of(row: Model) -> str:
    """Address of the row's page in the admin."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def link_to(row: Model | None, text: str = "") -> SafeString | str:
    """A link to the row's page, or nothing."""
    return format_html('<a href="{}" class="text-link">{}</a>', page_of(row), text or str(row)) if row else ""


def press(row: Model, name: str, words: str, *, ask: bool = False) -> SafeString:
    """A button of the row's page as a link in a table; with `ask` it leads to the button's question."""
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])
    at_once = "" if ask else mark_safe(' data-post="1"')
    return format_html('<a href="{}"{} class="text-link">{}</a>', address, at_once, words)


Options = dict[str, tuple[str, Q | Callable[[dt.datetime], Q]]]


def choice_filter(
    heading: str,
    name: str,
    options: Options | Callable[[], Options],
    *,
    default: str = "",
    at_hand: bool = False,
    folded: bool = False,
) -> type[SimpleListFilter]:
    """A list filter with fixed choices: value → (words, condition, or a function of the time that gives one).

    With a `default` the list opens on that choice and `all` lifts it. `at_hand`: also as a row above the list.
    `folded`: many choices, shown on demand.
    """
    in_sight, look = at_hand, "admin/folded_choices.html" if folded else SimpleListFilter.template

    class Chosen(SimpleListFilter):
        title, parameter_name, at_hand, template = heading, name, in_sight, look

        def lookups(self, request, model_admin):
            self.options = options() if callable(options) else options
            return [(key, words) for key, (words, _) in self.options.items()]

        def value(self):
            return super().value() or default or None

        def choices(self, changelist):
            if not default:
                yield from super().choices(changelist)
                return
            for key, words in [*self.lookup_choices, ("all", "All")]:
                link = changelist.get_query_string({self.parameter_name: key})
                yield {"selected": self.value() == key, "query_string": link, "display": words}

        def queryset(self, request, queryset):
            _, rule = self.options.get(self.value(), ("", Q()))
            return queryset.filter(rule(timezone.now()) if callable(rule) else rule)

    return Chosen


def button(
    label: str, *, needs: str, icon: str = "", sure: str = "", offered: Callable[[Model], bool] | None = None
) -> Callable:
    """Make a method `(self, request, row) -> str` a button; it makes one domain call and returns what to say.

    `needs` is the permission; `sure` is the question of a page in between; `offered(row)` hides the button where it
    makes no sense, which is courtesy: the domain refuses by itself.
    """

    def decorate(method: Callable) -> Callable:
        @wraps(method)
        def view(self, request, object_id: str) -> HttpResponse:
            row = self.get_object(request, object_id)
            if row is None:
                raise Http404
            if request.method != "POST":
                return self.ask(request, row, label, sure)
            page = page_of(row)
            self.attempt(request, row, label, lambda: method(self, request, row))
            back = _way_back(request) or page
            if urlsplit(back).path == page and self.get_object(request, object_id) is None:
                back = self.list_page  # the button was the row's end
            return HttpResponseRedirect(back)

        path = method.__name__.replace("_", "-")
        attrs = {} if sure else {"data-post": "1"}
        made = action(view, description=label, permissions=[needs], icon=icon, url_path=path, attrs=attrs)
        made.offered = offered
        return made

    return decorate


def _way_back(request) -> str:
    """Where a form wants to return to, when that is a page of this site."""
    there = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure())
    return there if safe else ""


class AccessAdmin(ModelAdmin):
    """Rows start at `visible_to`, permissions are the person's roles, nothing is deleted unless declared."""

    checks_class = ModelAdminChecks  # the theme's own checks look for permissions in a table; ours are code
    deletable = False
    identities: tuple[str, ...] = ("pk",)
    list_prefetch: tuple = ()
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # one count over the whole table per choice
    list_disable_select_all = True
    list_filter_sheet = False
    panels: tuple[Callable, ...] = ()
    panels_below: tuple[Callable, ...] = ()
    list_before_template = "admin/at_hand.html"
    change_form_outer_before_template = "admin/panels.html"
    change_form_outer_after_template = "admin/panels_below.html"

    @classmethod
    def extend(cls, *, columns=(), filters=(), inlines=(), buttons=(), panels=(), panels_below=(), prefetch=()) -> None:
        """Let an app above add to this model's pages. Columns and buttons are functions that become methods.

        A panel is a function `(request, row) -> str`; `panels` stand above the form, `panels_below` after it.
        """
        for function in (*columns, *buttons):
            setattr(cls, function.__name__, function)
        cls.list_display = (*cls.list_display, *(f.__name__ for f in columns))
        cls.actions_detail = (*(f.__name__ for f in buttons), *cls.actions_detail)
        cls.list_filter = (*cls.list_filter, *filters)
        cls.inlines = (*cls.inlines, *inlines)
        cls.panels = (*cls.panels, *panels)
        cls.panels_below = (*cls.panels_below, *panels_below)
        cls.list_prefetch = (*cls.list_prefetch, *prefetch)

    def get_queryset(self, request) -> QuerySet:
        return visible(super().get_queryset(request), request)

    def listed(self, rows: QuerySet) -> QuerySet:
        """The rows of one page of the list, with what its columns show and without what they do not."""
        return rows.prefetch_related(*self.list_prefetch)

    def get_paginator(self, request, queryset, per_page, orphans=0, allow_empty_first_page=True) -> CappedPaginator:
        return paginator_for(request)(queryset, per_page, orphans, allow_empty_first_page)

    @display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, row: Model) -> SafeString:
        """As the theme's, whose box goes through a template for every row."""
        return format_html(TICK, row.pk)

    def get_changelist(self, request, **kwargs) -> type[Rows]:
        return Rows

    def get_inlines(self, request, obj) -> list:
        """A new row has nothing below it yet, and a table that does not fit this row is not shown."""
        return [inline for inline in self.inlines if obj is not None and inline.fits(obj)]

    def get_search_results(self, request, queryset, search_term):
        """A pasted identity finds its row; what only looks like one is searched for as every other text."""
        with suppress(ValueError):
            wanted = uuid.UUID(search_term.strip())
            mine = queryset.filter(reduce(or_, (Q(**{name: wanted}) for name in self.identities)))
            if mine.exists():
                return mine, False
        return self.search(request, queryset, search_term)

    def search(self, request, queryset, text: str) -> tuple[QuerySet, bool]:
        """Rows that a text finds, and whether one may stand there twice; by `search_fields` unless told otherwise."""
        return super().get_search_results(request, queryset, text)

    def has_delete_permission(self, request, obj=None) -> bool:
        return self.deletable and super().has_delete_permission(request, obj)

    def get_actions(self, request) -> dict:
        """Rows are deleted one by one, each after its own question."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    def get_actions_detail(self, request, object_id) -> list:
        """The buttons that this person may press and that make sense for this row."""
        found = super().get_actions_detail(request, object_id)
        row = self.get_object(request, object_id) if found else None
        return [b for b in found if row and (b.method.offered is None or b.method.offered(row))]

    def changelist_view(self, request, extra_context=None):
        try:
            response = super().changelist_view(request, extra_context)
        except (DataError, OverflowError, ValidationError):  # a look-up typed by hand that the database cannot read
            return HttpResponseRedirect(f"{request.path}?e=1")
        context = getattr(response, "context_data", None) or {}
        if found := context.get("cl"):
            shown = [spec for spec in found.filter_specs if getattr(spec, "at_hand", False)]
            context["at_hand"] = [(spec.title, list(spec.choices(found))) for spec in shown]
            items = (item for group in context["sidebar_navigation"] for item in group["items"])
            context["title"] = next((item["title"] for item in items if item["active"]), context["title"])
        return response

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        """A rule or a wall of the database that says no becomes a message, and nothing of the form is kept."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            said = refusal.message
        except ValidationError as invalid:
            said = " ".join(invalid.messages)
        except IntegrityError as wall:
            log.warning("refused by the database: %s", str(wall).splitlines()[0])
            said = "This contradicts what is stored already. Nothing was saved."
        self.message_user(request, said, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        for place in ("panels", "panels_below"):
            context[place] = [panel(request, obj) for panel in getattr(self, place)] if obj else []
        return super().render_change_form(request, context, add, change, form_url, obj)

    @property
    def list_page(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def called(self, row: Model) -> str:
        """How messages and the history name the row."""
        return str(row)

    def note(self, row: Model, label: str) -> tuple[Model, str]:
        """In which row's history it stands that a button was pressed, and the words; asked before it acts."""
        return row, label

    def log_change(self, request, obj, message):
        entry = super().log_change(request, obj, message)
        name = (self.called(obj) if isinstance(obj, self.model) else str(obj))[:200]
        if entry.object_repr != name:
            entry.object_repr = name
            entry.save(update_fields=["object_repr"])
        return entry

    def ask(self, request, row: Model, label: str, question: str) -> TemplateResponse:
        """The page between a button and what it does."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": label,
            "name": self.called(row),
            "question": question,
            "variant": "danger" if question else "primary",
            "back": page_of(row),
        }
        return TemplateResponse(request, "admin/ask.html", context)

    def attempt(self, request, row: Model, label: str, act: Callable[[], str]) -> None:
        """Do it, note it in the row's history and say what happened; a refusal is said and changes nothing."""
        note = self.note(row, label)
        try:
            said = act()
        except Refusal as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
        else:
            self.log_change(request, *note)
            self.message_user(request, said, messages.SUCCESS)

    def each(self, request, rows: QuerySet | list, label: str, act: Callable[[Model], object]) -> None:
        """Do it to each row, to `MOST_AT_ONCE` at most; says how many were done and names those that refused."""
        done, refused = 0, defaultdict(list)
        for row in rows[:MOST_AT_ONCE]:
            note = self.note(row, label)
            try:
                act(row)
            except Refusal as refusal:
                refused[refusal.message].append(self.called(row))
            else:
                self.log_change(request, *note)
                done += 1
        total = sum(map(len, refused.values()))
        self.message_user(request, f"{label}: {done} done, {total} refused.", _level(done, total))
        for why, names in refused.items():
            rest = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            self.message_user(request, f"{', '.join(names[:MOST_NAMES])}{rest}: {why}", messages.WARNING)


def _level(done: int, refused: int) -> int:
    if not refused:
        return messages.SUCCESS
    return messages.WARNING if done else messages.ERROR


def visible(rows: QuerySet, request) -> QuerySet:
    """The rows that the viewer may see, where the model knows who sees what."""
    return rows.visible_to(request.user) if hasattr(rows, "visible_to") else rows


class ReadOnly:
    """Shows and never writes; whatever a form sends is refused."""

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, AccessAdmin):
    pass


class _Inline:
    extra = 0

    @classmethod
    def fits(cls, row: Model) -> bool:
        """Whether this row can have such rows below it."""
        return True

    def get_queryset(self, request) -> QuerySet:
        return visible(super().get_queryset(request), request)


class TableInline(_Inline, TabularInline):
    pass


class FormInline(_Inline, StackedInline):
    template_before = "admin/row_errors.html"  # the theme shows those of a whole row in tables alone


class ReadOnlyTable(ReadOnly, TableInline):
    can_delete = False
    hide_title = True


class ReadOnlyForm(ReadOnly, FormInline):
    can_delete = False
    hide_title = True
