from apps.archive.models.alarm import ALARM_STATES, Alarm
from apps.archive.models.asset import ASSET_STATES, DUE_STATES, OPEN_STATES, UNSAVED_STATES, ArchiveAsset
from apps.archive.models.job import JOB_STATES, ArchiveJob
from apps.archive.models.order import ORDER_STATES, Order

__all__ = [
    "ALARM_STATES", "ASSET_STATES", "DUE_STATES", "JOB_STATES", "OPEN_STATES", "ORDER_STATES", "UNSAVED_STATES",
    "Alarm", "ArchiveAsset", "ArchiveJob", "Order",
]  # fmt: skip
