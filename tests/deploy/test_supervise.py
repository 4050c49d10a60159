import io
import os
import signal
import time
from pathlib import Path

import pytest

from deploy.local import children, folder
from deploy.local.children import Child
from deploy.local.screen import Screen, Trouble
from deploy.local.supervise import QUICK_DEATHS, STOP_ORDER, Service, Supervisor


def make_supervisor(path: Path) -> Supervisor:
    return Supervisor(folder.prepare(path), Screen(io.StringIO()), dict(os.environ))


def make_service(supervisor: Supervisor, name: str, script: str, **options) -> Service:
    service = Service(name, lambda: supervisor.spawn(name, ["sh", "-c", script]), **options)
    supervisor.keep(service)
    return service


def see_death(supervisor: Supervisor, service: Service) -> None:
    """Wait for the service's process to end, let the supervisor notice, and let the waiting time pass."""
    service.child.process.wait(10)
    supervisor.watch()
    service.due = 0.0


def wait_for_line(child: Child, text: str) -> None:
    for _ in range(500):
        if text in child.tail():
            return
        time.sleep(0.01)
    raise AssertionError(f"{child.name} never said {text}")


def test_a_fallen_service_is_started_again_after_a_while(tmp_path):
    supervisor = make_supervisor(tmp_path)
    service = make_service(supervisor, "web", "exec sleep 60")
    first = service.child
    first.process.kill()
    first.process.wait(10)
    supervisor.watch()
    assert service.child is None
    assert service.due > time.monotonic()
    service.due = 0.0
    supervisor.watch()
    assert service.child.alive()
    assert service.child.process.pid != first.process.pid
    supervisor.stop()


def test_a_service_that_dies_again_and_again_ends_everything_with_its_last_words(tmp_path):
    supervisor = make_supervisor(tmp_path)
    service = make_service(supervisor, "web", "echo no such table; exit 1")
    for _ in range(QUICK_DEATHS - 1):
        see_death(supervisor, service)
        supervisor.watch()
    with pytest.raises(Trouble, match="no such table") as trouble:
        see_death(supervisor, service)
    assert trouble.value.code == 1
    supervisor.stop()


def test_deaths_after_a_long_life_do_not_add_up(tmp_path):
    supervisor = make_supervisor(tmp_path)
    service = make_service(supervisor, "worker", "exit 1")
    for _ in range(QUICK_DEATHS + 1):
        service.child.born -= 3600
        see_death(supervisor, service)
        supervisor.watch()
    supervisor.stop()


def test_the_death_of_the_database_ends_everything(tmp_path):
    supervisor = make_supervisor(tmp_path)
    service = make_service(supervisor, "database", "echo out of memory; exit 9", restart=False)
    with pytest.raises(Trouble, match="out of memory"):
        see_death(supervisor, service)
    supervisor.stop()


def test_last_words_are_those_of_this_life(tmp_path):
    supervisor = make_supervisor(tmp_path)
    supervisor.spawn("web", ["sh", "-c", "echo an old worry"]).process.wait(10)
    child = supervisor.spawn("web", ["sh", "-c", "echo a new worry"])
    child.process.wait(10)
    assert child.tail() == "a new worry"


def test_a_failed_step_is_trouble_and_a_good_one_gives_its_answer(tmp_path):
    supervisor = make_supervisor(tmp_path)
    assert supervisor.run("prepare", ["sh", "-c", "echo the answer; echo a remark >&2"], capture=True) == "the answer\n"
    with pytest.raises(Trouble, match="table is missing"):
        supervisor.run("prepare", ["sh", "-c", "echo a table is missing >&2; exit 1"])


def test_everything_stops_in_order_of_need(tmp_path):
    supervisor, order = make_supervisor(tmp_path), tmp_path / "order"
    script = "trap 'echo {0} >> {1}; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    names = ["database", "broker", "provider", "web", "worker", "archiver", "beat"]
    services = [make_service(supervisor, name, script.format(name, order)) for name in names]
    for service in services:
        wait_for_line(service.child, "ready")
    supervisor.stop()
    stopped = order.read_text().split()
    assert sorted(stopped) == sorted(names)
    ranks = [next(rank for rank, group in enumerate(STOP_ORDER) if name in group) for name in stopped]
    assert ranks == sorted(ranks)
    assert stopped[-2:] == ["broker", "database"]


@pytest.mark.parametrize("answer", ["trap '' TERM;", ""], ids=["deaf", "obedient"])
def test_a_child_takes_its_own_children_with_it_whether_it_obeys_or_not(tmp_path, answer):
    child = children.spawn(
        "web",
        ["sh", "-c", f"sleep 60 & echo $! is the grandchild; {answer} wait; sleep 60"],
        env=dict(os.environ),
        log=tmp_path / "log",
        farewell=((signal.SIGTERM, 0.2),),
    )
    wait_for_line(child, "is the grandchild")
    grandchild = int(child.tail().split()[0])
    children.stop([child])
    assert not child.alive()
    assert children.interrupts.wait_until(lambda: children.started_at(grandchild) == "", 5)


def test_a_hurried_stop_does_not_wait_out_the_farewell(tmp_path):
    child = children.spawn(
        "web",
        ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.02; done"],
        env=dict(os.environ),
        log=tmp_path / "log",
        farewell=((signal.SIGTERM, 3600.0),),
    )
    wait_for_line(child, "ready")
    children.stop([child], hurried=lambda: True)
    assert child.process.returncode == -signal.SIGKILL
