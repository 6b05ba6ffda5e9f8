"""The veil over what was just made: reads that come too early, as the eventual consistency of AWS has them."""


class Veil:
    """Hides the next resources of a kind from their first reads. A test asks for it; otherwise it hides nothing.

    Lists and events do not go through it.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, list[int]] = {}
        self._hidden: dict[str, int] = {}

    def hide_next(self, kind: str, *, reads: int, creations: int = 1) -> None:
        """Let the next resources of a kind be missing for their first reads.

        Args:
            kind: As ARNs name it: `endpoint-config`, `endpoint`, `model`, `model-package`, `model-package-group`.
            reads: How often each is looked up in vain, by whatever operation.
            creations: How many resources are meant.
        """
        self._wanted.setdefault(kind, []).extend([reads] * creations)

    def clear(self) -> None:
        """Hide nothing from now on."""
        self._wanted.clear()
        self._hidden.clear()

    def made(self, arn: str) -> None:
        """Take note of a resource that was just made."""
        wanted = self._wanted.get(arn.split(":", 5)[5].partition("/")[0])
        if wanted:
            self._hidden[arn] = wanted.pop(0)

    def hides(self, arn: str) -> bool:
        """Tell whether this reader of a resource comes too early; it counts."""
        left = self._hidden.get(arn, 0)
        if left:
            self._hidden[arn] = left - 1
        return left > 0
