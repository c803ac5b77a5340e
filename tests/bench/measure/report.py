"""Rows of the table: a figure, what it is measured against, the goal, and how far off it is."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

HEADS = ("", "ours", "bare", "ratio", "goal (aim)", "met")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The goal is for the ratio where there is a bare figure, else for our own; `most` makes it an upper bound.

    `rough` says that something else kept the machine busy meanwhile, so that the verdict may be wrong either way.
    """

    name: str
    unit: str
    ours: float
    bare: float | None = None
    goal: float | None = None
    aim: float | None = None
    most: bool = False
    rough: bool = False

    @property
    def figure(self) -> float:
        return self.ours if self.bare is None else self.ours / self.bare

    def reaches(self, bound: float) -> bool:
        return self.figure <= bound if self.most else self.figure >= bound

    @property
    def verdict(self) -> str:
        said = self._judged()
        return f"{said} (busy machine)" if self.rough and said else said

    def _judged(self) -> str:
        if self.goal is None:
            return ""
        if not self.reaches(self.goal):
            off = f"{abs(self.figure / self.goal - 1):.1%}" if self.goal else show(self.figure, self.unit)
            return f"NO, by {off}"
        if self.aim is None:
            return "yes"
        return "yes, aim too" if self.reaches(self.aim) else "yes, not the aim"

    def cells(self) -> tuple[str, ...]:
        unit = self.unit if self.bare is None else ""
        goal = "" if self.goal is None else f"{'<=' if self.most else '>='} {show(self.goal, unit)}"
        aim = "" if self.aim is None else f" ({show(self.aim, unit)})"
        bare = "" if self.bare is None else show(self.bare, self.unit)
        ratio = "" if self.bare is None else f"{self.figure:.2f}"
        return self.name, show(self.ours, self.unit), bare, ratio, goal + aim, self.verdict


def show(value: float, unit: str) -> str:
    """A figure with as many digits as mean something."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    if not unit:
        digits = max(digits, 1)
    return f"{value:,.{digits}f}{'' if unit.startswith('/') or not unit else ' '}{unit}"


def as_text(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An aligned table: the first column to the left, figures to the right, the last one as it comes."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        middle = (cell.rjust(width) for cell, width in zip(cells[1:-1], widths[1:-1], strict=True))
        return "  ".join([cells[0].ljust(widths[0]), *middle, cells[-1]]).rstrip()

    return "\n".join([line(heads), "-" * (sum(widths) + 2 * len(widths) - 2), *map(line, rows)])


def as_markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    ruler = ["---", *["---:" for _ in heads[1:-1]], "---"]
    lines = [heads, ruler, *[[cell.replace("|", "\\|") for cell in cells] for cells in rows]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps([{**asdict(row), "figure": row.figure, "verdict": row.verdict} for row in rows], indent=2)
