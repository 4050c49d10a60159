"""When beat wakes what. Planners find due rows by query, so a missed tick costs latency and nothing else."""

from celery.schedules import crontab

# A nudge that has waited for longer than the next sweep is worth nothing.
BEAT = {
    "archive what is new": {"task": "archive.plan", "schedule": 10.0, "options": {"expires": 10}},
    "ask for generations": {"task": "archive.ask", "schedule": 10.0, "options": {"expires": 10}},
    "archive what is due": {"task": "archive.sweep", "schedule": 60.0, "options": {"expires": 60}},
    "archive daily run": {"task": "archive.daily", "schedule": crontab(hour=3, minute=0)},
    "copy what has no copy": {"task": "fixity.copy", "schedule": 60.0, "options": {"expires": 60}},
    "read files again": {"task": "fixity.scrub", "schedule": 600.0, "options": {"expires": 600}},
    "sweep orphans": {"task": "fixity.orphans", "schedule": crontab(hour=5, minute=20)},
    "archive by order": {"task": "archive.orders", "schedule": 15.0, "options": {"expires": 15}},
    "close the ledger's day": {"task": "ledger.close", "schedule": crontab(minute=5)},
    "verify the ledger": {"task": "ledger.verify", "schedule": 60.0, "options": {"expires": 60}},
    "derive what is due": {"task": "catalog.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "sweep blobs": {"task": "catalog.sweep_blobs", "schedule": crontab(hour=4, minute=40)},
    "send letters": {"task": "accounts.post", "schedule": 30.0, "options": {"expires": 30}},
    "end subscriptions": {"task": "accounts.lapse", "schedule": crontab(minute=20)},
    "mail digests": {"task": "accounts.digest", "schedule": crontab(hour=8, minute=0)},
    "tidy accounts": {"task": "accounts.tidy", "schedule": crontab(hour=4, minute=10)},
    "curate in bulk": {"task": "catalog.changesets", "schedule": 15.0, "options": {"expires": 15}},
    "count plays": {"task": "catalog.count_plays", "schedule": 60.0, "options": {"expires": 60}},
    "weigh popularity": {"task": "catalog.weigh", "schedule": crontab(hour=2, minute=30)},
    "count words": {"task": "catalog.count_terms", "schedule": crontab(minute="*/10")},
    "learn words": {"task": "catalog.learn_words", "schedule": crontab(minute=35)},
    "judge clearance": {"task": "catalog.judge", "schedule": 60.0, "options": {"expires": 60}},
    "find duplicates": {"task": "catalog.find_duplicates", "schedule": crontab(minute=50)},
    "import playlists": {"task": "playlists.imports", "schedule": 15.0, "options": {"expires": 15}},
    "fold counts of posts": {"task": "social.fold", "schedule": 60.0, "options": {"expires": 60}},
    "forget old uses": {"task": "social.forget_old_uses", "schedule": crontab(hour=4, minute=50)},
    "sweep the bucket": {"task": "uploads.sweep_bucket", "schedule": crontab(minute=40)},
    "import folders": {"task": "uploads.import_folders", "schedule": 15.0, "options": {"expires": 15}},
    "publish uploads": {"task": "uploads.sweep", "schedule": 30.0, "options": {"expires": 30}},
}
