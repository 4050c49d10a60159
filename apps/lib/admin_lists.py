"""Lists of the admin over long tables: counted so far and no further, read and drawn without what nobody looks at."""

import datetime as dt
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.core.paginator import Paginator
from django.db.models import Field, Model, QuerySet
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.templatetags import unfold_list
from unfold.utils import display_for_field, display_for_value
from unfold.views import ChangeList

ROW = "row-of-this-list"


def moment(when: dt.datetime | None) -> str:
    """`2026-03-01 12:30 UTC`, or nothing."""
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC" if when else ""


class CappedPaginator(Paginator):
    """Counts no further than `most`: what lies behind is reached by filters, and a long table costs nothing."""

    most = 10_000
    template_name = "admin/capped_pagination.html"

    @cached_property
    def _counted(self) -> int:
        """One more than `most` where there are more."""
        return self.object_list.order_by()[: self.most + 1].count()

    @property
    def count(self) -> int:
        return min(self._counted, self.most)

    @property
    def capped(self) -> bool:
        return self._counted > self.most

    @property
    def total(self) -> str:
        """How many rows there are, as far as that is known: `3,412`, `more than 10,000`."""
        return f"more than {self.most:,}" if self.capped else f"{self.count:,}"


class SearchPaginator(CappedPaginator):
    """What a word is found in lies all over the table, and to be counted it has to be fetched."""

    most = 1_000


def paginator_for(request) -> type[CappedPaginator]:
    return SearchPaginator if request.GET.get(SEARCH_VAR) else CappedPaginator


class Rows(ChangeList):
    def get_ordering(self, request, queryset) -> list:
        """Ties fall the way of the column before them, so that one index serves both ways."""
        *columns, last = super().get_ordering(request, queryset)
        upwards = last in ("-pk", "-id") and columns and not str(columns[-1]).startswith("-")
        return [*columns, "pk" if upwards else last]

    def get_results(self, request) -> None:
        """Without a filter or search the rows found are all rows: nothing more to offer."""
        super().get_results(request)
        self.result_list = self.model_admin.listed(self._of_this_page())
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count

    def _of_this_page(self) -> QuerySet:
        """Other tables are joined to the rows of the page, and not to all that lie before it."""
        found = self.queryset.query
        if not self.multi_page or self.show_all or found.distinct:
            return self.result_list
        start = (self.page_num - 1) * self.list_per_page
        chosen = self.walked(self.queryset.select_related(None).prefetch_related(None))
        chosen = chosen.values("pk")[start : start + self.list_per_page]
        rows = self.root_queryset.filter(pk__in=chosen).order_by(*found.order_by)
        rows.query.select_related = found.select_related
        return rows

    def walked(self, rows: QuerySet) -> QuerySet:
        """The rows in order up to this page; a place to tell the database what it can step over."""
        return rows

    @cached_property
    def headers(self) -> list[dict]:
        """The theme makes them anew for every row, a quarter of the whole page; they are the same for all."""
        return list(_headers(self))

    @cached_property
    def columns(self) -> list["Column"]:
        """How the cells of a row are drawn."""
        return [_column(self, at, name) for at, name in enumerate(self.list_display)]

    @cached_property
    def _page(self) -> tuple[str, str]:
        """What stands before and behind a row's key in the address of its page."""
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[ROW])
        before, _, behind = add_preserved_filters(
            {"preserved_filters": self.preserved_filters, "opts": self.opts}, page
        ).partition(ROW)
        return before, behind

    def page_of(self, row: Model) -> str:
        before, behind = self._page
        return f"{before}{quote(row.serializable_value(self.pk_attname))}{behind}"


class Column(NamedTuple):
    value: Callable[[Model], Any]
    words: Callable[[Any], str]
    opening: SafeString
    closing: SafeString
    is_link: bool


def _column(rows: Rows, at: int, name: str) -> Column:
    """A field of the model, or a function of the page or of the row, as the theme draws it in a list."""
    field, function = _field(rows, name), getattr(rows.model_admin, name, None)
    value = function if field is None and function else lambda row: _of_row(row, name)
    empty = rows.model_admin.get_empty_value_display()
    is_link = name in (rows.list_display_links or ())
    tag = "th" if is_link and not any(each in rows.list_display_links for each in rows.list_display[:at]) else "td"
    if name == "action_checkbox":
        own, label, classes = "", "Select record", unfold_list.CHECKBOX_CLASSES
    else:
        own, label, classes = f"field-{name} ", rows.headers[at]["text"], unfold_list.ROW_CLASSES
    return Column(
        value=value,
        words=_words(field, empty, is_icon=getattr(function, "boolean", False)),
        opening=format_html('<{} class="{}{}" data-label="{}">', tag, own, " ".join(classes), label),
        closing=format_html("</{}>", tag),
        is_link=is_link,
    )


def _field(rows: Rows, name: str) -> Field | None:
    try:
        found = rows.opts.get_field(name)
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, Field) else None


def _of_row(row: Model, name: str) -> Any:
    value = getattr(row, name)
    return value() if callable(value) else value


def _words(field: Field | None, empty: str, *, is_icon: bool) -> Callable[[Any], str]:
    """How a value of this column is said; texts, by far the most, without a detour."""

    def words(value: Any) -> str:
        if isinstance(value, str) and value and field is None:
            return value
        if isinstance(value, dt.datetime):
            return moment(value)
        if isinstance(value, bool) and (field or is_icon):
            return _icon(value)
        return display_for_field(value, field, empty) if field else display_for_value(value, empty, is_icon)

    return words


@lru_cache(maxsize=2)
def _icon(value: bool) -> str:
    """A tick or a cross."""
    return display_for_value(value, "", True)


def _cells(rows: ChangeList, row: Model, form) -> Iterator[SafeString]:
    """All cells of a row in one piece. The theme asks anew for every cell what is the same for the whole column."""
    if form or not isinstance(rows, Rows):
        yield from _items(rows, row, form)
    else:
        yield mark_safe("".join(_cell(rows, row, column) for column in rows.columns))


def _cell(rows: Rows, row: Model, column: Column) -> str:
    try:
        words = conditional_escape(column.words(column.value(row)))
    except ObjectDoesNotExist:
        words = rows.model_admin.get_empty_value_display()
    if column.is_link:
        classes = " ".join(unfold_list.LINK_CLASSES)
        words = format_html('<a href="{}" class="{}">{}</a>', rows.page_of(row), classes, words)
    return f"{column.opening}{words}{column.closing}"


def _headers_once(rows: ChangeList) -> list[dict]:
    return rows.headers if isinstance(rows, Rows) else list(_headers(rows))


_headers, unfold_list.result_headers = unfold_list.result_headers, _headers_once
_items, unfold_list.items_for_result = unfold_list.items_for_result, _cells
