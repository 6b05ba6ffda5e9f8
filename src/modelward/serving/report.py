"""Report once a minute what is served, so that `modelward status` knows it."""

from collections.abc import Callable
from datetime import datetime

from modelward.core.errors import ModelwardError
from modelward.serving.switch import Report


class Reporter:
    """Tell which version is live, whenever a new minute has begun.

    A server serves whether or not anybody hears of it: what keeps a report from arriving is told once, and tried again.

    Args:
        look: Tells what is live.
        send: Sends the number of the live version, None for none.
        clock: The time.
        tell: Is told when reports begin to fail, and when they arrive again.
    """

    def __init__(
        self,
        look: Callable[[], Report],
        send: Callable[[int | None], None],
        clock: Callable[[], datetime],
        tell: Callable[[str], None],
    ) -> None:
        self._look = look
        self._send = send
        self._clock = clock
        self._tell = tell
        self._last: datetime | None = None
        self._trouble = ""

    def report(self) -> None:
        """Report, if this minute has not been reported yet; never raises what AWS refuses."""
        minute = self._clock().replace(second=0, microsecond=0)
        if minute == self._last:
            return
        self._last = minute
        live = self._look().version
        try:
            self._send(live.version if live else None)
        except ModelwardError as error:
            self._note(f"modelward status will not know what is served here: {error.problem}")
        else:
            self._note("")

    def _note(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            self._tell(trouble or "modelward status knows what is served here again")
        self._trouble = trouble
