"""Brings the database up to date and makes the first staff account: one process, one start of Django.

The migrations' report goes to stderr (a log); stdout carries nothing but the new account, if there is one.
"""

import os
import sys

import django
from django.core.management import call_command

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", interactive=False, stdout=sys.stderr)
    call_command("first_staff", reset="--reset-password" in sys.argv)
