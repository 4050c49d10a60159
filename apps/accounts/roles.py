"""Roles as code: what each one may do. Grants are rows (S4-12, S2-01, C-09).

A permission is a word such as `archive.run`, or Django's own `app.verb_model` for the admin's pages; a role lists
patterns over both. A role is retired by removing its grants first, then its entry here.
"""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Role(StrEnum):
    ADMIN = "admin"
    MODERATOR = "moderator"
    ARTIST = "artist"
    USER = "user"
    GALLERY_OWNER = "gallery_owner"


@dataclass(frozen=True)
class Definition:
    title: str
    description: str
    grants: tuple[str, ...]

    def allows(self, permission: str) -> bool:
        return any(fnmatchcase(permission, pattern) for pattern in self.grants)


ROLES = {
    Role.ADMIN: Definition("Admin", "Runs the place: everything.", ("*",)),
    Role.MODERATOR: Definition(
        "Moderator",
        "Curates tracks and watches the archive.",
        (
            "admin.enter",
            "catalog.see_all",
            "catalog.curate",
            "catalog.view_*",
            "catalog.change_track",
            "uploads.view_*",
            "uploads.retry",
            "archive.view_*",
            "archive.see",
            "archive.run",
        ),
    ),
    Role.ARTIST: Definition("Artist", "Publishes own tracks.", ()),
    Role.USER: Definition("User", "Uploads, listens, collects.", ()),
    Role.GALLERY_OWNER: Definition("Gallery owner", "Syncs the gallery.", ("gallery.sync",)),
}

# What an API key's scope adds to its owner's own rows; a permission outside every held scope is not there for the key.
SCOPES = {
    "read": (),
    "write": (),
    "upload": (),
    "archive": ("archive.*", "catalog.see_all"),
    "admin": ("*",),
}


def scopes_cover(scopes: frozenset[str], permission: str) -> bool:
    return any(fnmatchcase(permission, pattern) for scope in scopes for pattern in SCOPES[scope])
