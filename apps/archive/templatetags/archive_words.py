"""Where a generated track's files stand, on its page, which knows nothing of the archive."""

from django import template

from apps.archive import owners
from apps.catalog.models import Track

register = template.Library()


@register.simple_tag(takes_context=True)
def standings(context, track: Track) -> list[owners.Standing]:
    """For the owner and who looks after the archive, of a track that has its rows; nothing for others."""
    return owners.standings(track) if owners.told(context["user"], track) else []
