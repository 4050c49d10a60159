"""Who sees which upload: its person, and staff who may."""

from django.db.models import Q

from apps.accounts.access import OwnRows, may
from apps.lib.access import AccessQuerySet


class UploadAccess(OwnRows):
    see_all = "uploads.view_upload"


class QuotaDayAccess(OwnRows):
    see_all = "uploads.view_quotaday"


class QuotaGrantAccess(OwnRows):
    see_all = "uploads.view_quotagrant"


class ReportAccess(AccessQuerySet):
    """What compression saves is the staff's business alone."""

    def view_rule(self, user) -> Q:
        return Q() if may(user, "uploads.view_compressionreport") else Q(pk__in=[])

    def edit_rule(self, user) -> Q:
        return Q(pk__in=[])


class FolderAccess(AccessQuerySet):
    """Folders of the server are the staff's business alone, whoever their tracks belong to."""

    def view_rule(self, user) -> Q:
        return Q() if may(user, "uploads.view_folderimport") else Q(pk__in=[])

    def edit_rule(self, user) -> Q:
        return Q() if may(user, "uploads.import_folder") else Q(pk__in=[])
