from apps.archive.models.asset import ASSET_STATES, DUE_STATES, OPEN_STATES, ArchiveAsset
from apps.archive.models.generation import GENERATION_STATES, Generation
from apps.archive.models.job import JOB_STATES, ArchiveJob

__all__ = [
    "ASSET_STATES", "DUE_STATES", "GENERATION_STATES", "JOB_STATES", "OPEN_STATES", "ArchiveAsset", "ArchiveJob",
    "Generation",
]  # fmt: skip
