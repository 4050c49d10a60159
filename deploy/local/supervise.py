"""Keeps the children of one data folder: starts them, starts the fallen ones again, stops them in order."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.local import children, interrupts
from deploy.local.children import Child
from deploy.local.folder import Folder
from deploy.local.screen import Screen, Trouble

QUICK_SECONDS = 5.0
QUICK_DEATHS = 3
# First what makes work, last what the others need. A group is asked in this order, and waited for as one.
STOP_ORDER = (("beat", "archiver", "worker", "web", "provider"), ("broker",), ("database",))


@dataclass
class Service:
    """A program that is to run until the end. Without `restart` its death ends everything."""

    name: str
    start: Callable[[], Child]
    restart: bool = True
    child: Child | None = None
    quick_deaths: int = 0
    due: float = 0.0


@dataclass
class Supervisor:
    folder: Folder
    screen: Screen
    env: dict[str, str]
    services: list[Service] = field(default_factory=list)
    spawned: list[Child] = field(default_factory=list)

    def spawn(self, name: str, command: list, **options) -> Child:
        """A child that `stop` will find, and that the next start will find if we are killed."""
        options.setdefault("env", self.env)
        child = children.spawn(name, command, log=self.folder.log(name), **options)
        self.spawned.append(child)
        children.record(self.folder.children, child)
        return child

    def run(self, name: str, command: list, **options) -> str:
        """Run a step to its end and return what it printed (with `capture`). Trouble if it fails."""
        child = self.spawn(name, command, **options)
        self.finish(child)
        return child.process.stdout.read().decode() if child.process.stdout else ""

    def succeeds(self, child: Child) -> bool:
        """Wait for a step, with an eye on the services; whether it ended well."""
        while child.alive():
            self.watch()
            interrupts.pause(0.02)
        self.spawned.remove(child)
        return child.process.returncode == 0

    def finish(self, child: Child) -> None:
        """Wait for a step that has to end well."""
        if not self.succeeds(child):
            raise Trouble(f"The step {child.name} failed. {child.log} ends with:\n\n{child.tail()}", code=1)

    def keep(self, service: Service) -> None:
        """Start a service, unless it has been, and look after it from now on."""
        service.child = service.child or service.start()
        self.services.append(service)

    def watch(self) -> None:
        """One look at every service. A fallen one is started again after a while; a vital one is Trouble."""
        for service in self.services:
            if service.child and not service.child.alive():
                self._note_death(service, service.child)
            elif not service.child and time.monotonic() >= service.due:
                service.child = service.start()

    def _note_death(self, service: Service, child: Child) -> None:
        children.kill_group(child.process.pid)
        self.spawned.remove(child)
        service.child = None
        service.quick_deaths = service.quick_deaths + 1 if child.age() < QUICK_SECONDS else 1
        last_words = f"{child.log} ends with:\n\n{child.tail()}"
        if not service.restart:
            raise Trouble(f"The {service.name} stopped by itself. {last_words}", code=1)
        if service.quick_deaths >= QUICK_DEATHS:
            raise Trouble(f"The {service.name} died {QUICK_DEATHS} times in a row. {last_words}", code=1)
        delay = 2.0 ** (service.quick_deaths - 1)
        service.due = time.monotonic() + delay
        self.screen.done(service.name, f"died (code {child.process.returncode}), starting it again in {delay:.0f} s")

    def stop(self) -> None:
        """End every child, in order. Another Ctrl-C on the way makes it short."""
        asked = interrupts.count()

        def hurried() -> bool:
            return interrupts.count() > asked

        ordered = {name for group in STOP_ORDER for name in group}
        steps = [child for child in self.spawned if child.name not in ordered]
        groups = [[child for name in names for child in self.spawned if child.name == name] for names in STOP_ORDER]
        for group in (steps, *groups):
            children.stop(group, hurried)
        self.spawned.clear()
        self.folder.children.unlink(missing_ok=True)
