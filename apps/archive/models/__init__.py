from apps.archive.models.alarm import ALARM_STATES, Alarm
from apps.archive.models.asset import ASSET_STATES, DUE_STATES, OPEN_STATES, UNSAVED_STATES, ArchiveAsset
from apps.archive.models.fixity import FINDING_STATES, PRESSING, STANDING, Finding
from apps.archive.models.generation import GENERATION_STATES, Generation
from apps.archive.models.host import ArchiveHost
from apps.archive.models.job import JOB_STATES, ArchiveJob
from apps.archive.models.ledger import EVENTS, TOLD, LedgerEntry, Manifest, Verification
from apps.archive.models.order import ORDER_STATES, Order

__all__ = [
    "ALARM_STATES", "ASSET_STATES", "DUE_STATES", "EVENTS", "FINDING_STATES", "GENERATION_STATES", "JOB_STATES",
    "OPEN_STATES", "ORDER_STATES", "PRESSING", "STANDING", "TOLD", "UNSAVED_STATES", "Alarm", "ArchiveAsset",
    "ArchiveHost", "ArchiveJob", "Finding", "Generation", "LedgerEntry", "Manifest", "Order", "Verification",
]  # fmt: skip
