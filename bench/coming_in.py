"""Row 15 of `bench/uploads.py`: a file on its way in, beside the plainest server that keeps what it is sent."""


def measure(rounds: int, goals) -> None:
    """Prints a table and checks the goals."""
