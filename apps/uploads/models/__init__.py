"""What comes in, what it takes of a day, what it became, and folders of the server."""

from apps.uploads.models.folder import FolderFile, FolderImport
from apps.uploads.models.quota import QuotaDay, QuotaGrant
from apps.uploads.models.report import CompressionReport
from apps.uploads.models.upload import Check, Upload

__all__ = ["Check", "CompressionReport", "FolderFile", "FolderImport", "QuotaDay", "QuotaGrant", "Upload"]
