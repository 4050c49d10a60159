"""How what people say is shown: escaped, in paragraphs, its links to be followed at one's own risk; nothing else."""

import re

from django import template
from django.utils.html import escape, format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe

from apps.accounts.models import User
from apps.social import follows
from apps.social.showing import own

register = template.Library()

ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'`\\^{|}\x00-\x20\u202a-\u202e\u2066-\u2069]+", re.IGNORECASE)
# What ends a sentence, not an address.
AFTER = ".,:;!?…*_~"


@register.filter
def said(text: str) -> SafeString:
    """Paragraphs of the text. Addresses of the web become links; everything else is shown as it was typed."""
    pieces, start = [], 0
    for found in ADDRESS.finditer(text):
        address = _without_end(found[0])
        pieces += [escape(text[start : found.start()]), _link(address)]
        start = found.start() + len(address)
    pieces.append(escape(text[start:]))
    return mark_safe(linebreaks("".join(pieces)))  # every piece is escaped


def _without_end(address: str) -> str:
    """The address without the full stop behind it, and without the bracket around it."""
    while address[-1] in AFTER or (address[-1] in ")]" and _unopened(address)):
        address = address[:-1]
    return address


def _unopened(address: str) -> bool:
    opening = {")": "(", "]": "["}[address[-1]]
    return address.count(opening) < address.count(address[-1])


def _link(address: str) -> SafeString:
    if address.lower() in ("http://", "https://"):
        return escape(address)
    shown = address if len(address) <= 60 else f"{address[:57]}…"
    return format_html('<a href="{}" rel="nofollow ugc noopener">{}</a>', address, shown)


@register.filter
def is_of(row, viewer) -> bool:
    """Whether the viewer said it."""
    return own(viewer, row.author)


@register.inclusion_tag("social/_follow.html", takes_context=True)
def follow_button(context, person: User) -> dict:
    """How many follow somebody, and a button to do so."""
    viewer = context["user"]
    known = {"following": follows.follows(viewer, person), "around": follows.around(person)}
    return {**known, "person": person, "user": viewer, "request": context["request"], "self": own(viewer, person)}
