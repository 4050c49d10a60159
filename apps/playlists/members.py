"""Who is in a playlist beside its owner: viewers see it, editors fill it while it is collaborative (S4-14)."""

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts import notices, profiles
from apps.lib.errors import Conflict, Refusal
from apps.playlists import positions
from apps.playlists.models import Member, Playlist

MOST = 200
ROLES = Member.Role.values


@transaction.atomic
def put(*, playlist: Playlist, username: str, role: str) -> tuple[Member, bool]:
    """Let somebody in, or change their role; and whether they are new. They are told.

    Refusals: NOT_FOUND 404 when nobody has this name, INVALID 400, TOO_MANY_MEMBERS 409.
    """
    if role not in ROLES:
        raise _invalid("role", f"A role is one of {', '.join(ROLES)}.")
    person = profiles.public(username)
    positions.stay(person)
    held = positions.hold(playlist.pk)
    if person.pk == held.owner_id:
        raise _invalid("username", "This is the owner, who is in it already.")
    others = Member.objects.filter(playlist=held).exclude(user=person)
    if others.count() >= MOST:
        raise Conflict(f"A playlist has {MOST} members at most.", "TOO_MANY_MEMBERS")
    member, new = Member.objects.update_or_create(playlist=held, user=person, defaults={"role": role})
    if new:
        _tell(person, held, role)
    return member, new


def _tell(person, playlist: Playlist, role: str) -> None:
    notices.tell(
        user=person,
        kind="playlists.joined",
        subject=str(playlist.pk),
        title="You were let into a playlist",
        message=f"“{playlist.name}”: you are its {role} now. You may leave it at any time.",
        link=f"/playlists/{playlist.pk}",
    )


def of(playlist: Playlist) -> QuerySet[Member]:
    """All of a playlist, for who was let through to them, the first who came first."""
    return Member.objects.filter(playlist=playlist).select_related("user__profile").order_by("created_at", "id")


def named(playlist: Playlist, username: str) -> dict:
    """The key of the member with this name, in whatever case."""
    return {"playlist": playlist, "user__profile__username__iexact": username}


def drop(*, member: Member) -> None:
    """They are out, or left: from now on a private playlist is hidden from them. What they added stays."""
    member.delete()


def _invalid(field: str, message: str) -> Refusal:
    return Refusal("INVALID", message, fields={field: [message]})
