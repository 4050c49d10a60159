"""Who sees which upload: its person, and staff who may."""

from apps.accounts.access import OwnRows


class UploadAccess(OwnRows):
    see_all = "uploads.view_upload"
