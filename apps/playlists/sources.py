"""What a track may be added by: its own id, or what an app above knows of, such as a post (S0-26).

An app registers in a module of its own called `sources`, which is imported when all models are there.
"""

from collections.abc import Callable, Mapping
from uuid import UUID

from apps.lib.errors import NotFound, Refusal

Finder = Callable[[object, UUID], UUID | None]

_finders: dict[str, Finder] = {"track_id": lambda user, key: key}


def register(name: str, find: Finder) -> None:
    """`find(user, id)` gives the id of the track that somebody may name by this, or None when they see no such thing.

    Whether they may have the track is asked later, of the track.
    """
    _finders[name] = find


def names() -> list[str]:
    return list(_finders)


def track(user, given: Mapping[str, UUID | None]) -> UUID:
    """The id of the one track that is meant. Refusals: INVALID 400 for none or several, TRACK_NOT_FOUND 404."""
    said = {name: key for name, key in given.items() if name in _finders and key is not None}
    if len(said) != 1:
        message = f"Name what to add by one of {', '.join(names())}."
        raise Refusal("INVALID", message, fields={"track_id": [message]})
    [(name, key)] = said.items()
    found = _finders[name](user, key)
    if found is None:
        raise NotFound("Track not found", code="TRACK_NOT_FOUND")
    return found
