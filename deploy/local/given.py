"""Checks a server that the environment names: `python -m deploy.local.given DATABASE_URL` says what it is."""

import os
import sys
from urllib.parse import urlsplit

import psycopg
import redis

SECONDS = 5


def database(url: str) -> str:
    with psycopg.connect(url, connect_timeout=SECONDS) as connection:
        version = connection.info.parameter_status("server_version")
        return f"PostgreSQL {version} at {connection.info.host}, yours"


def broker(url: str) -> str:
    with redis.Redis.from_url(url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as client:
        version, parts = client.info("server")["redis_version"], urlsplit(url)
        return f"Redis {version} at {parts.hostname or parts.path}, yours"


CHECKS = {"DATABASE_URL": database, "REDIS_URL": broker}


def main(name: str) -> int:
    try:
        print(CHECKS[name](os.environ[name]))
    except (psycopg.Error, redis.RedisError, ValueError) as error:
        print(f"{name}: {error}".strip(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
