"""Row access as a QuerySet word: every door fetches through it, none fetches first and checks later."""

from functools import lru_cache

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connection, models
from django.db.models import Q
from django.db.models.sql import Query
from django.db.models.sql.where import WhereNode

from apps.lib.errors import Forbidden, NotFound


class AccessQuerySet(models.QuerySet):
    """A subclass states two rules, each one Q; members and joins go in as `pk__in` subqueries, never as joins."""

    def view_rule(self, user) -> Q:
        raise NotImplementedError

    def edit_rule(self, user) -> Q:
        raise NotImplementedError

    def visible_to(self, user):
        """Rows this person may see; `user` may be anonymous."""
        return self.filter(self.view_rule(user))

    def editable_by(self, user):
        """Rows this person may change. A row that is visible but not here answers 403, a hidden one 404."""
        return self.filter(self.edit_rule(user))

    def as_condition(self, rule: Q) -> tuple[str, tuple]:
        """A rule as SQL over the table's own name, with its values: for a statement that is not the ORM's."""
        return _condition(self.model, rule)

    def as_conditions(self) -> tuple[str, tuple]:
        """What these rows were chosen by, likewise; of their own table alone."""
        return _told(self.query.where, self.query)

    def get_visible(self, user, **key):
        """The row or NotFound."""
        row = self.visible_to(user).filter(**key).first()
        if row is None:
            raise NotFound
        return row

    def get_editable(self, user, **key):
        """The row, NotFound when it is hidden, Forbidden when it is visible but not theirs."""
        row = self.editable_by(user).filter(**key).first()
        if row is None:
            self.get_visible(user, **key)
            raise Forbidden
        return row


@lru_cache(maxsize=1_000)
def _condition(model: type[models.Model], rule: Q) -> tuple[str, tuple]:
    """Rules are equal where all that they name is: the same words, the same person."""
    query = Query(model)
    return _told(query.build_where(rule), query)


def _told(where: WhereNode, query: Query) -> tuple[str, tuple]:
    try:
        sql, values = where.as_sql(query.get_compiler(connection=connection), connection)
        return sql, tuple(values)
    except EmptyResultSet:
        return "false", ()
    except FullResultSet:
        return "true", ()
