from apps.archive.models.asset import ASSET_STATES, DUE_STATES, OPEN_STATES, ArchiveAsset
from apps.archive.models.fixity import FINDING_STATES, STANDING, Finding
from apps.archive.models.job import JOB_STATES, ArchiveJob

__all__ = [
    "ASSET_STATES", "DUE_STATES", "FINDING_STATES", "JOB_STATES", "OPEN_STATES", "STANDING", "ArchiveAsset",
    "ArchiveJob", "Finding",
]  # fmt: skip
