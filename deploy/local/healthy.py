"""Asks the site on this machine for a page. As a program (`python -m deploy.local.healthy`): is the process well?"""

import http.client
import os
import sys
from urllib.parse import urlsplit

PORT = 8000


def ask(host: str, port: int, path: str, *, site: str = "", seconds: float = 10) -> tuple[int, str]:
    """(status, beginning of the body), with no proxy in between; status 0 when nobody answers.

    `site` is the address the site believes to have: it refuses requests for any other.
    """
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Host": urlsplit(site).netloc} if site else {})
        response = connection.getresponse()
        return response.status, response.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


if __name__ == "__main__":
    status, _ = ask("127.0.0.1", PORT, "/healthz", site=os.environ.get("SITE_URL", ""), seconds=4)
    sys.exit(status != 200)
