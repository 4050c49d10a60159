"""Roles as code: what each one may do. Grants are rows (S4-12, S2-01, C-09).

A permission is a word such as `archive.run`, or Django's own `app.verb_model` for the admin's pages; a role lists
patterns over both. How a role is added or retired is in `docs/accounts.md`.
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
        "Curates tracks and playlists, moderates what people say, watches the archive.",
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
            "playlists.curate",
            "playlists.see_all",
            "playlists.view_*",
            "social.moderate",
            "social.see_all",
            "social.view_*",
        ),
    ),
    Role.ARTIST: Definition("Artist", "Publishes own tracks.", ()),
    Role.USER: Definition("User", "Uploads, listens, collects.", ()),
    Role.GALLERY_OWNER: Definition("Gallery owner", "Syncs the gallery.", ("gallery.sync",)),
}

# Every word that anything asks for, and what it lets a person do.
PERMISSIONS = {
    "accounts.add_profile": "Give a profile to an account without one.",
    "accounts.add_user": "Make accounts.",
    "accounts.change_apikey": "Revoke anybody's API key.",
    "accounts.change_letter": "Send letters again that were given up.",
    "accounts.change_lockout": "Lift lock-outs.",
    "accounts.change_profile": "Correct anybody's profile.",
    "accounts.change_session": "Sign anybody out.",
    "accounts.change_subscription": "Begin, cancel and renew subscriptions of others, give and withdraw tiers.",
    "accounts.change_user": "Change an account: address, password, on or off.",
    "accounts.grant": "Grant and withdraw roles of others, hand the gallery over.",
    "accounts.see_all": "See rows of others that are otherwise theirs alone: sessions, keys, notices.",
    "accounts.view_apikey": "See API keys by their first characters.",
    "accounts.view_letter": "See which letters were sent, to whom, and what became of them; never what they say.",
    "accounts.view_lockout": "See who is locked out.",
    "accounts.view_notice": "See what others were told.",
    "accounts.view_profile": "See how others are shown and what they chose.",
    "accounts.view_rolechange": "See who was given which role by whom.",
    "accounts.view_rolegrant": "See who holds which role.",
    "accounts.view_session": "See where others are signed in.",
    "accounts.view_stripeevent": "See what Stripe told.",
    "accounts.view_subscription": "See subscriptions.",
    "accounts.view_tieroverride": "See tiers that staff gave.",
    "accounts.view_user": "See accounts.",
    "admin.enter": "Enter the admin.",
    "archive.run": "Archive any track, or what is due; retry.",
    "archive.see": "See every asset, job and number of the archive.",
    "archive.view_alarm": "See when the archive's promise was in danger.",
    "archive.view_archiveasset": "See the archive's desk.",
    "archive.view_archivehost": "See which hosts the archive leaves alone.",
    "archive.view_archivejob": "See the archive's jobs.",
    "archive.view_finding": "See which stored files were damaged, and what became of them.",
    "archive.view_generation": "See generations that are waited for.",
    "archive.view_ledgerentry": "See what happened to each file of the archive.",
    "archive.view_manifest": "See and download the closed days of the archive's ledger.",
    "archive.view_order": "See orders over many files at once.",
    "archive.view_verification": "See whether the archive's ledger was found whole.",
    "catalog.add_provider": "Add providers.",
    "catalog.change_provider": "Change a provider's name, lifetime and hosts.",
    "catalog.change_track": "Edit tracks in the admin.",
    "catalog.curate": "Change and remove tracks of others.",
    "catalog.delete_provider": "Delete a provider that no track came from.",
    "catalog.see_all": "See and hear every track, also private, pro-only and removed ones.",
    "catalog.view_blob": "See stored files.",
    "catalog.view_change": "See who changed what of the catalogue.",
    "catalog.view_changeset": "See changes in bulk.",
    "catalog.view_duplicate": "See pairs of tracks that may be one.",
    "catalog.view_formerfile": "See what a track sounded like before its audio was replaced.",
    "catalog.view_provider": "See providers.",
    "catalog.view_providersource": "See where at a provider a track came from.",
    "catalog.view_term": "See the words of the catalogue, also those of private tracks.",
    "catalog.view_track": "See tracks in the admin.",
    "catalog.view_trackfile": "See a track's files.",
    "gallery.sync": "Sync the gallery.",
    "playlists.curate": "Change and remove playlists of others.",
    "playlists.see_all": "See every playlist, also private ones.",
    "playlists.view_entry": "See what is in playlists in the admin.",
    "playlists.view_import": "See playlist files of others and what was found of them.",
    "playlists.view_importline": "See what was found of the lines of playlist files.",
    "playlists.view_member": "See who is in a playlist in the admin.",
    "playlists.view_playlist": "See playlists in the admin.",
    "social.moderate": "Hide and restore posts and comments, settle reports.",
    "social.see_all": "See every post and comment, also hidden and removed ones.",
    "social.view_comment": "See comments in the admin.",
    "social.view_decision": "See what moderators decided, and why.",
    "social.view_post": "See posts in the admin.",
    "social.view_report": "See what people reported.",
    "uploads.add_quotagrant": "Let people upload more than their tier does, and take that back.",
    "uploads.import_folder": "Bring in folders of the server, for the library or for anybody.",
    "uploads.retry": "Finish uploads that hang, and have them tried again.",
    "uploads.view_compressionreport": "See what compression saved.",
    "uploads.view_folderimport": "See which folders of the server came in, and what of them was refused.",
    "uploads.view_quotaday": "See what people have used of their day's quota.",
    "uploads.view_quotagrant": "See who may upload more than the tier does, and why.",
    "uploads.view_upload": "See uploads of others.",
}

# What an API key's scope adds to its owner's own rows; a permission outside every held scope is not there for the key.
SCOPES = {
    "read": (),
    "write": (),
    "upload": (),
    "archive": ("archive.*",),
    "admin": ("*",),
}


def scopes_cover(scopes: frozenset[str], permission: str) -> bool:
    return any(fnmatchcase(permission, pattern) for scope in scopes for pattern in SCOPES[scope])
