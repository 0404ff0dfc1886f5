"""Labs whose answers are known."""

from __future__ import annotations

from genbench.benching.measure import Effort


class Scripted:
    """A lab whose answers are known: each call of ``values`` gives base ones and head the next ratio of the script."""

    effort = Effort(pairs=5, repeat_pairs=6)

    def __init__(self, *ratios: float) -> None:
        self.ratios, self.asked = list(ratios), 0
        self.errors: dict[tuple[int, str], str] = {}

    def restart(self, names: list[str]) -> None: ...

    def values(self, name: str, sides: tuple[int, ...], pairs: int, first: int = 0) -> list[list[float | None]]:
        self.asked += 1
        ratio = self.ratios[(self.asked - 1) // self.effort.repeat_pairs]
        noise = 1.0 + 0.001 * first
        return [[noise] * pairs, [ratio * noise * (1 + 0.0005 * (first % 2))] * pairs]
