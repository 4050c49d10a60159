"""How plays by day are drawn and told. Takes what `plays.told_to` gives."""

from collections.abc import Sequence

from django import template
from django.utils.formats import date_format

from apps.catalog.models import Track
from apps.catalog.plays import Day
from apps.lib import charts

register = template.Library()


@register.inclusion_tag("catalog/_plays.html")
def plays_chart(track: Track, days: Sequence[Day]) -> dict:
    """The chart with its words and the same as a table; nothing where nobody may know."""
    values = [(date_format(each.day, "j F"), each.plays) for each in days]
    total, most = sum(plays for _, plays in values), max(days, key=lambda each: each.plays, default=None)
    return {"track": track, "days": days, "chart": charts.chart(values), "total": total, "most": most}
