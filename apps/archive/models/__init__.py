from apps.archive.models.asset import ASSET_STATES, DUE_STATES, OPEN_STATES, ArchiveAsset
from apps.archive.models.fixity import FINDING_STATES, STANDING, Finding
from apps.archive.models.generation import GENERATION_STATES, Generation
from apps.archive.models.host import ArchiveHost
from apps.archive.models.job import JOB_STATES, ArchiveJob
from apps.archive.models.ledger import EVENTS, TOLD, LedgerEntry, Manifest

__all__ = [
    "ASSET_STATES", "DUE_STATES", "EVENTS", "FINDING_STATES", "GENERATION_STATES", "JOB_STATES", "OPEN_STATES",
    "STANDING", "TOLD", "ArchiveAsset", "ArchiveHost", "ArchiveJob", "Finding", "Generation", "LedgerEntry",
    "Manifest",
]  # fmt: skip
