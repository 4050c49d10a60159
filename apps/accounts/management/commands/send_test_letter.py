"""Does EMAIL_URL work? One letter, sent at once."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.management.base import BaseCommand, CommandError

from apps.accounts import letters
from apps.accounts.models import Letter

SUBJECT = "A letter from Keeptrack"
TEXT = "If you read this, Keeptrack's e-mail works.\n\n{link}\n\nThe link above should be whole and lead to the site."
HTML = '<p>If you read this, Keeptrack\'s e-mail works.</p><p><a href="{link}">{link}</a></p>'


class Command(BaseCommand):
    help = (
        "Sends a letter to this address now, through EMAIL_URL and without Celery, and says what the mail server said."
    )

    def add_arguments(self, parser):
        parser.add_argument("address", help="where to send it")

    def handle(self, *, address: str, **options):
        message = EmailMultiAlternatives(SUBJECT, TEXT.format(link=settings.SITE_URL), to=[address])
        message.attach_alternative(HTML.format(link=settings.SITE_URL), "text/html")
        try:
            (queued,) = letters.queue(message)
        except ValueError as wrong:
            raise CommandError(f"{address}: {wrong}") from wrong
        for row in letters.claim(1, letter=queued):
            letters.run(row)
        letter = Letter.objects.get(pk=queued.pk)
        if letter.state == "running":
            raise CommandError("A worker was faster and is sending it: look at manage.py outbox.")
        if letter.state != "sent":
            raise CommandError(f"{letter.state}: {letter.error_code} {letter.error_message}")
        self.stdout.write(f"The mail server took it, from {settings.DEFAULT_FROM_EMAIL} to {address}.")
