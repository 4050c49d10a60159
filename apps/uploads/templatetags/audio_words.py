"""A track's audio on its page, which knows nothing of uploads."""

from django import template

from apps.catalog.models import Track
from apps.uploads import replacing

register = template.Library()


@register.inclusion_tag("uploads/_audio.html", takes_context=True)
def audio_of(context, track: Track) -> dict:
    """The way to another audio, and what sounds different since it was replaced; for who may change the track."""
    user = context["user"]
    mine = user.is_authenticated and Track.objects.editable_by(user).filter(pk=track.pk).exists()
    return {"track": track, "warning": replacing.warning(track)} if mine else {}
