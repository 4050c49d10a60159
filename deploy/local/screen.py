"""What people see: a short line per step with the seconds since the start; troubles with their ways out."""

import os
import sys
import time

BEGAN = "KEEPTRACK_BEGAN"  # hands the moment of the start over to the re-executed program


class Trouble(Exception):
    """Something a person can mend, with the ways out. `code`: the exit code, 2 when nothing was started."""

    def __init__(self, what: str, *ways: str, code: int = 2):
        super().__init__(what)
        self.what, self.ways, self.code = what, ways, code

    def __str__(self) -> str:
        return "\n".join(["", self.what, *(f"  - {way}" for way in self.ways)])


class Screen:
    """Finished steps stay as lines; on a terminal the step under way is shown too and then replaced."""

    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.began = float(os.environ.pop(BEGAN, time.time()))
        self.live = self.out.isatty()
        self.pending = False

    def elapsed(self) -> float:
        return time.time() - self.began

    def doing(self, name: str, text: str) -> None:
        """The step under way. Shown on a terminal only: a file would fill up with lines nobody needs."""
        if self.live:
            self._write(f"\r\x1b[K{self._line(name, text)}")
            self.pending = True

    def done(self, name: str, text: str) -> None:
        self.say(self._line(name, text))

    def say(self, text: str = "") -> None:
        clear = "\r\x1b[K" if self.pending else ""
        self.pending = False
        self._write(f"{clear}{text}\n")

    def _line(self, name: str, text: str) -> str:
        return f"  {name:<10} {text:<58} {self.elapsed():6.1f} s"

    def _write(self, text: str) -> None:
        # A terminal that went away must not keep the servers from being stopped.
        try:
            self.out.write(text)
            self.out.flush()
        except OSError:
            self.live = False
