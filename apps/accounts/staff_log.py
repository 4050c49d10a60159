"""What staff did, in Django's admin log: it stays when people leave, whoever did it, but not with whom."""

import datetime as dt
import re

from django.apps import apps
from django.db.models import CASCADE, CharField, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from apps.accounts.models import User

# Acts outlive whoever did them: an admin who leaves takes no traces along. Nobody can sign in as this one.
NOBODY = "nobody@left.invalid"


def forget_person(user: User, *, addresses: list[str], now: dt.datetime | None = None) -> None:
    """Before the person's rows go: blank what is about them or names them, and keep what they did as nobody's."""
    _about(User.objects.filter(pk=user.pk))
    for link in User._meta.related_objects:
        if link.on_delete is CASCADE and link.related_model is not _log().model:
            blank(link.related_model._base_manager.filter(**{link.field.name: user}))
    for address in addresses:
        # The whole address: whoever leaves as ann@ leaves joann@ alone.
        whole = rf"(^|[^\w.+-]){re.escape(address)}($|[^\w.-])"
        _blank(_log().filter(Q(object_repr__iregex=whole) | Q(change_message__iregex=whole)))
    acts = _log().filter(user=user)
    if acts.exists():
        acts.update(user=_nobody(now or timezone.now()))


def blank(rows: QuerySet) -> None:
    """Acts on these rows and on what hangs on them no longer say which rows they were."""
    _about(rows)
    for link in rows.model._meta.related_objects:
        if link.related_model is not _log().model:
            _about(link.related_model._base_manager.filter(**{f"{link.field.name}__in": rows}))


def _about(rows: QuerySet) -> None:
    kind = apps.get_model("contenttypes", "ContentType").objects.get_for_model(rows.model)
    keys = rows.order_by().annotate(log_key=Cast("pk", CharField())).values("log_key")
    _blank(_log().filter(content_type=kind, object_id__in=keys))


def _blank(entries: QuerySet) -> None:
    entries.update(object_id=None, object_repr="a person who left", change_message="")


def _log() -> QuerySet:
    return apps.get_model("admin", "LogEntry").objects.all()


def _nobody(now: dt.datetime) -> User:
    nobody, _ = User.objects.get_or_create(
        email=NOBODY, defaults={"password": "!", "is_active": False, "email_verified_at": now}
    )
    return nobody
