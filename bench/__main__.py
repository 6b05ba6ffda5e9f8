"""`python -m bench [PART]`: measure all and write README.md, or measure one part and print it."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from bench import calls, demo, memory, overhead, package, registry, report, scale, startup
from bench.figure import Figure, table

_PARTS = {part.PART: part.measure for part in (calls, overhead, startup, memory, package, scale, registry, demo)}


def main(arguments: Sequence[str]) -> int:
    """Measure; a figure that misses its goal is marked in the table, and is no error of the bench."""
    unknown = [name for name in arguments if name not in _PARTS]
    if unknown:
        sys.stderr.write(f"no part {unknown[0]!r}; there are {', '.join(_PARTS)}\n")
        return 2
    figures = list(_told(each for name in arguments or _PARTS for each in _PARTS[name]()))
    if arguments:
        print(table(figures))
    else:
        rounds, inspection_ms = overhead.ROUNDS, overhead.inspection_ms_per_mb()
        report.write(figures, rounds=rounds, inspection_ms=inspection_ms, parts=_PARTS)
        print(report.PATH)
    return 0


def _told(figures: Iterable[Figure]) -> Iterator[Figure]:
    """Say each figure as soon as it is there."""
    for figure in figures:
        sign = {True: "ok  ", False: "MISS", None: "--  "}[figure.is_held]
        sys.stderr.write(f"{sign} {figure.what}: {figure.measured} [{figure.goal}]\n")
        yield figure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
