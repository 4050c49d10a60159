"""Which playlists a list shows, and in what order."""

from django.db.models import QuerySet

from apps.accounts import profiles
from apps.catalog.keyset import Order, Reader, moment, stretches
from apps.lib.errors import Refusal
from apps.playlists.models import Entry, Playlist

SHOWN = ("own", "joined", "mine", "public")


def rows(user, *, show: str = "", owner: str = "") -> QuerySet[Playlist]:
    """What somebody asked for, of what they see. Refusals: INVALID 400, SIGN_IN_REQUIRED 401, NOT_FOUND 404."""
    seen = Playlist.objects.visible_to(user)
    if owner:
        seen = seen.of(profiles.public(owner))
    show = show or ("" if owner else "mine" if user.is_authenticated else "public")
    if show and show not in SHOWN:
        message = f"show: one of {', '.join(SHOWN)}."
        raise Refusal("INVALID", message, fields={"show": [message]})
    if show in ("own", "joined", "mine") and not user.is_authenticated:
        raise Refusal("SIGN_IN_REQUIRED", "Sign in to see your own playlists.", status=401)
    return _shown(seen, user, show)


def _shown(seen: QuerySet[Playlist], user, show: str) -> QuerySet[Playlist]:
    if show == "own":
        return seen.of(user)
    if show == "joined":
        return seen.joined_by(user)
    if show == "mine":
        return seen.filter(seen.mine_rule(user))
    return seen.public() if show == "public" else seen


def named(playlists: QuerySet[Playlist], part: str) -> QuerySet[Playlist]:
    """Those whose names have this part, in whatever case."""
    return playlists.filter(name__icontains=part.strip()[:255]) if part.strip() else playlists


def reader(playlists: QuerySet[Playlist]) -> Reader:
    """The newest first."""
    return _by(playlists, Order("-created", "created_at", moment))


def entry_reader(playlist: Playlist) -> Reader:
    """The entries of a playlist in their order."""
    return _by(Entry.objects.filter(playlist=playlist), Order("position", "position", int))


def _by(playlists: QuerySet, order: Order) -> Reader:
    return Reader(playlists, order, stretches(order, None), how="plan")
