"""Letters that nobody sends: whoever sits in front of `bin/up` reads them on its screen."""

from pathlib import Path
from urllib.parse import quote


class Letters:
    """A file that the site appends letters to, and how far it has been shown."""

    def __init__(self, path: Path):
        self.path = path
        self.shown = self._size()

    @property
    def email_url(self) -> str:
        return f"console://{quote(str(self.path))}"

    def news(self) -> str:
        """What was written since the last look; of a letter under way the whole lines."""
        if self._size() <= self.shown:
            return ""
        with self.path.open("rb") as file:
            file.seek(self.shown)
            whole = file.read().rpartition(b"\n")[0]
        self.shown += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace")

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0
