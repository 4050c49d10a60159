from apps.archive.models.asset import ASSET_STATES, DUE_STATES, OPEN_STATES, ArchiveAsset
from apps.archive.models.host import ArchiveHost
from apps.archive.models.job import JOB_STATES, ArchiveJob

__all__ = ["ASSET_STATES", "DUE_STATES", "JOB_STATES", "OPEN_STATES", "ArchiveAsset", "ArchiveHost", "ArchiveJob"]
