"""How pages say how long ago something was."""

import datetime as dt

from django import template
from django.utils import timezone
from django.utils.timesince import timesince

register = template.Library()


@register.filter
def ago(when: dt.datetime, now: dt.datetime | None = None) -> str:
    """`2 hours ago`, and `just now` within a minute."""
    now = now or timezone.now()
    return "just now" if now - when < dt.timedelta(minutes=1) else f"{timesince(when, now)} ago"
