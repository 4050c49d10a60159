"""Sizes as people read them: in powers of ten, as the quotas count and as file managers write them."""

UNITS = ("kB", "MB", "GB", "TB", "PB")


def words(size: int | None) -> str:
    """`1 byte`, `999 bytes`, `352.8 kB`, `100 MB`; the space does not break. Nothing is none."""
    size = size or 0
    if abs(size) < 1000:
        return f"{size}\xa0byte{'' if size == 1 else 's'}"
    power = 1
    # What would be written as 1000 of a unit is one of the next.
    while power < len(UNITS) and abs(size) >= 999.95 * 1000**power:
        power += 1
    return f"{size / 1000**power:.1f}".removesuffix(".0") + f"\xa0{UNITS[power - 1]}"
