"""What gunicorn runs."""

import os
import re
from collections.abc import Callable, Iterable

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Also any parameter in the extended notation (RFC 2231), which names a charset of its own.
CHARSET = re.compile(r";\s*(?:charset\s*=|[^;=\"]*\*\s*=)[^;]*", re.IGNORECASE)


def in_utf8(inner: Callable) -> Callable:
    """Every text is UTF-8. Django would decode the query in any codec that a Content-Type names, and some are none."""

    def application(environ: dict, start_response: Callable) -> Iterable[bytes]:
        environ["CONTENT_TYPE"] = CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
        return inner(environ, start_response)

    return application


application = in_utf8(get_wsgi_application())
