"""Staff's desk for the archive: what is about to expire, what went wrong, and the buttons to act on it."""

from apps.archive.admin import alarms, assets, findings, generations, hosts, jobs, ledger, orders, providers, tracks

__all__ = ["alarms", "assets", "findings", "generations", "hosts", "jobs", "ledger", "orders", "providers", "tracks"]
