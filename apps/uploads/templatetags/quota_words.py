"""How somebody's day stands, on pages about them."""

from django import template

from apps.uploads import quota

register = template.Library()


@register.inclusion_tag("uploads/_quota.html")
def quota_today(user) -> dict:
    """What is used of the person's day, what is left and when it begins anew."""
    return {"quota": quota.standing(user)}
