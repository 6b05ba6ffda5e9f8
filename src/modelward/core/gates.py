"""What a gate said about a version: the verdict, as a value that people and programs read."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule of one gate, held against one version.

    Args:
        metric: The figure that the rule looks at.
        rule: `at_least`, `at_most` or `worse_than_live_by_at_most`.
        limit: The bound that is declared, in the metric's own unit.
        value: The version's figure; None when it has none, which never holds.
        live: The live version's figure, for a rule that compares with it.
        is_held: Whether the version may pass.
    """

    metric: str
    rule: str
    limit: float
    value: float | None
    live: float | None
    is_held: bool

    @property
    def text(self) -> str:
        """Say it in one line: `accuracy 0.61 is below 0.9: refused`."""
        if self.value is None:
            return f"{self.metric}: no figure was registered, {self.rule} {self.limit:g} needs one: refused"
        verdict = "holds" if self.is_held else "refused"
        if self.rule == "worse_than_live_by_at_most":
            live = "no live version" if self.live is None else f"live {self.live:.6g}"
            return f"{self.metric} {self.value:.6g}, {live}, worse by at most {self.limit:g}: {verdict}"
        bound = "at least" if self.rule == "at_least" else "at most"
        return f"{self.metric} {self.value:.6g}, {bound} {self.limit:g}: {verdict}"

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return {**asdict(self), "text": self.text}
