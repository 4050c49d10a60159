from apps.archive.models.asset import ASSET_STATES, DUE_STATES, OPEN_STATES, ArchiveAsset
from apps.archive.models.job import JOB_STATES, ArchiveJob
from apps.archive.models.ledger import EVENTS, TOLD, LedgerEntry, Manifest, Verification

__all__ = [
    "ASSET_STATES",
    "DUE_STATES",
    "EVENTS",
    "JOB_STATES",
    "OPEN_STATES",
    "TOLD",
    "ArchiveAsset",
    "ArchiveJob",
    "LedgerEntry",
    "Manifest",
    "Verification",
]
