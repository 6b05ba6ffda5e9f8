"""Timelines of rollouts, drawn from what really happened: `python -m tests.docs.timelines` writes docs/rollouts/*.svg.

Each is a run of the whole product on the local SageMaker, on a clock that is moved: every ten seconds somebody calls
the endpoint twenty times, and what is drawn is which version answered. Nothing is drawn that was not called.
"""

import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.service.conftest import ACCOUNT, World, deployed

from modelward.core.endpoint import CHALLENGER, VARIANT
from modelward.local import moto as local
from modelward.local.sagemaker import ApiError, Caller, HostedVariant, Timing

FOLDER = Path(__file__).parents[2] / "docs" / "rollouts"
ENDPOINT = "digits-production"
STEP_S, CALLS = 10, 20
STARTING_S = 180  # how long instances take to start
SWEEP_S = 900  # how often the schedule strikes

# What answered a call, in the order in which areas are stacked.
LIVE, NEW, FAILED = "v1", "v2", "v2 fails"
COPY = "copies to v2"


@dataclass(frozen=True)
class Mark:
    """Something that happened, when, in seconds from the beginning."""

    at_s: float
    text: str


@dataclass(frozen=True)
class Timeline:
    """What callers had: for each moment, how many calls of a hundred were answered by whom."""

    title: str
    samples: Sequence[tuple[int, Mapping[str, float]]]
    marks: Sequence[Mark]


@dataclass
class Run:
    """A rollout of v2 to production, where v1 is live, and those who call it meanwhile."""

    world: World
    is_sick: bool = False
    samples: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)

    def begin(self, rollout: str) -> None:
        """Let v1 be live and v2 stand in staging, in a world where production moves as declared."""
        world = self.world
        alarms = "alarms = { errors_5xx_at_most = 0 }\n"
        world.use(world.declaration.replace("instance_count = 2", f"instance_count = 4\n{alarms}{rollout}"))
        _make_alarm(world)
        world.release(0.95)
        version = world.register(0.97)
        world.finish()
        version.approve(reason="good figures")
        world.finish()
        world.core.timing = Timing(create_s=STARTING_S, update_s=STARTING_S, delete_s=1)
        world.hosting.answer = self._answer
        self._newcomer = version.artifact_uri
        self._begun = local.clock()

    def call_for(self, minutes: float) -> None:
        """Call for some minutes."""
        for _ in range(round(minutes * 60 / STEP_S)):
            self._sample()
            self._step()

    def promote(self) -> None:
        """Decide for v2."""
        self.world.digits.version(2).promote("Production", reason="released")
        self.mark("promoted")
        self.world.settle()

    def mark(self, text: str) -> None:
        """Note what happens now."""
        self.marks.append(Mark(self._now(), text))

    def timeline(self, title: str) -> Timeline:
        """Give what was seen, with what the ledger says of v2."""
        told = {"verified": "v2 verified", "failed": "v2 failed", "trying": ""}
        entries = [entry for entry in self.world.entries(2) if entry.environment == "production"]
        found = [
            Mark((entry.at - self._begun).total_seconds(), told[entry.kind.value])
            for entry in entries
            if told.get(entry.kind.value)
        ]
        return Timeline(title, self.samples, sorted([*self.marks, *found], key=lambda mark: mark.at_s))

    def _step(self) -> None:
        before = self._now()
        local.advance(STEP_S - before % STEP_S)
        if before // SWEEP_S != self._now() // SWEEP_S:
            self.world.sweep()
        self.world.settle()

    def _now(self) -> float:
        return (local.clock() - self._begun).total_seconds()

    def _sample(self) -> None:
        self.answered.clear()
        for _ in range(CALLS):
            self._call()
        shares = {who: 100 * count / CALLS for who, count in self.answered.items()}
        self.samples.append((round(self._now()), shares))

    def _call(self) -> None:
        caller = Caller(f"arn:aws:iam::{ACCOUNT}:user/app", "AIDA", ACCOUNT)
        request = {"EndpointName": ENDPOINT, "ContentType": "text/csv"}
        try:
            self.world.core.invoke_endpoint(request, b"1", caller)
        except ApiError as error:
            if error.code != "ModelError":
                raise

    def _answer(self, variant: HostedVariant, _body: bytes, _content_type: str) -> tuple[int, str, bytes]:
        is_new = variant.model_data_url == self._newcomer
        is_failed = is_new and self.is_sick
        is_copied = variant.variant_name == CHALLENGER and "ShadowProductionVariants" in self.world.endpoint()
        who = FAILED if is_failed else NEW if is_new else LIVE
        self.answered[COPY if is_copied else who] += 1
        return (500, "text/plain", b"no") if is_failed else (200, "text/csv", b"1")


def _make_alarm(world: World) -> None:
    dimensions = {"EndpointName": ENDPOINT, "VariantName": VARIANT}
    world.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{ENDPOINT}-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


# What is declared, and what people do


def at_once(run: Run) -> Timeline:
    run.begin("")
    return _promoted(run, 6, "all at once")


def canary(run: Run) -> Timeline:
    run.begin('rollout = { strategy = "canary", percent = 25, wait_s = 300, termination_wait_s = 120 }\n')
    return _promoted(run, 14, "canary")


def linear(run: Run) -> Timeline:
    run.begin('rollout = { strategy = "linear", percent = 25, wait_s = 120 }\n')
    return _promoted(run, 12, "linear")


def rolling(run: Run) -> Timeline:
    run.begin('rollout = { strategy = "rolling", percent = 25, wait_s = 120 }\n')
    return _promoted(run, 24, "rolling")


def alarm(run: Run) -> Timeline:
    run.begin('rollout = { strategy = "canary", percent = 25, wait_s = 300, termination_wait_s = 120 }\n')
    run.is_sick = True
    return _promoted(run, 8, "a canary that fails its callers")


def shadow(run: Run) -> Timeline:
    run.begin('rollout = { strategy = "shadow", percent = 100, trial_s = 1200 }\n')
    return _promoted(run, 38, "shadow")


def ab(run: Run) -> Timeline:
    run.begin('rollout = { strategy = "ab", percent = 20 }\n')
    run.call_for(1)
    run.promote()
    run.call_for(10)
    # Weights are shifted in seconds, and not in the time that instances take to start.
    run.world.core.timing = Timing(create_s=STARTING_S, update_s=STEP_S, delete_s=1)
    run.world.digits.share("production", 50, reason="no complaints")
    run.mark("ab share 50")
    run.call_for(10)
    run.world.core.timing = Timing(create_s=STARTING_S, update_s=STARTING_S, delete_s=1)
    run.world.digits.finish("production", 2, reason="it sells more")
    run.mark("ab finish 2")
    run.call_for(6)
    return run.timeline("ab")


def _promoted(run: Run, minutes: int, title: str) -> Timeline:
    run.call_for(1)
    run.promote()
    run.call_for(minutes - 1)
    return run.timeline(title)


RUNS: Mapping[str, Callable[[Run], Timeline]] = {
    "all-at-once": at_once,
    "canary": canary,
    "linear": linear,
    "rolling": rolling,
    "alarm": alarm,
    "shadow": shadow,
    "ab": ab,
}


def play(name: str) -> Timeline:
    """Let a rollout happen."""
    with TemporaryDirectory() as folder, deployed(Path(folder)) as world:
        return RUNS[name](Run(world))


# The picture

_LEFT, _TOP, _WIDTH, _HEIGHT, _STRIP = 56, 48, 640, 150, 22
_COLOURS = {LIVE: "#9db8d9", NEW: "#f2b872", FAILED: "#d1495b", COPY: "#f6d9b3"}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2933}.area{font-weight:600}.mark{font-size:11px}"
    ".axis{stroke:#52606d;stroke-width:1}.grid{stroke:#52606d;stroke-opacity:.25}"
    ".at{stroke:#1f2933;stroke-dasharray:3 3}"
)


def draw(timeline: Timeline) -> str:
    """Draw areas that are stacked to 100 % of the calls over minutes, on paper of their own: any theme will do."""
    return "\n".join(_Drawing(timeline).lines()) + "\n"


class _Drawing:
    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.until_s = timeline.samples[-1][0] + STEP_S
        self.has_copies = any(COPY in shares for _, shares in timeline.samples)
        self.bottom = _TOP + _HEIGHT
        self.foot = self.bottom + (_STRIP + 10 if self.has_copies else 0)

    def lines(self) -> Iterator[str]:
        width, height = _LEFT + _WIDTH + 24, self.foot + 44
        title = escape(f"Who answers the calls: {self.timeline.title}")
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        yield f"<title>{title}</title><style>{_STYLE}</style>"
        yield f'<rect width="{width}" height="{height}" rx="6" fill="#fff"/>'
        yield from self._areas()
        yield from self._axes()
        yield from self._marks()
        yield "</svg>"

    def _areas(self) -> Iterator[str]:
        for rank, who in enumerate((LIVE, NEW, FAILED)):
            below = [self._sum((LIVE, NEW, FAILED)[:rank], shares) for _, shares in self.timeline.samples]
            above = [low + shares.get(who, 0) for low, (_, shares) in zip(below, self.timeline.samples, strict=True)]
            if above != below:
                yield self._area(who, below, above, self._y)
                yield self._label(who, below, above)
        if self.has_copies:
            copies = [shares.get(COPY, 0) for _, shares in self.timeline.samples]
            yield self._area(COPY, [0.0] * len(copies), copies, self._strip_y)
            middle = [at for (at, _), share in zip(self.timeline.samples, copies, strict=True) if share]
            x, y = self._x((middle[0] + middle[-1]) / 2), self._strip_y(50) + 4
            said = f"{COPY}, whose answers nobody hears"
            yield f'<text class="area" x="{x:.0f}" y="{y:.0f}" text-anchor="middle">{said}</text>'

    @staticmethod
    def _sum(whose: Sequence[str], shares: Mapping[str, float]) -> float:
        return sum(shares.get(who, 0) for who in whose)

    def _area(self, who: str, below: Sequence[float], above: Sequence[float], y: Callable[[float], float]) -> str:
        """Outline an area: each sample holds until the next one."""
        times = [at for at, _ in self.timeline.samples] + [self.until_s]
        spans = list(pairwise(times))
        top = [(x, y(value)) for span, value in zip(spans, above, strict=True) for x in map(self._x, span)]
        low = [(x, y(value)) for span, value in zip(spans, below, strict=True) for x in map(self._x, span)]
        path = " ".join(f"{x:.1f},{height:.1f}" for x, height in _corners([*top, *reversed(low)]))
        return f'<polygon points="{path}" fill="{_COLOURS[who]}"/>'

    def _label(self, who: str, below: Sequence[float], above: Sequence[float]) -> str:
        """Write a name into the middle of where its area is highest, or above it where it is too low for that."""
        heights = [high - low for low, high in zip(below, above, strict=True)]
        there = [number for number, height in enumerate(heights) if height == max(heights)]
        at = [self.timeline.samples[number][0] for number in (there[0], there[-1])]
        x = self._x((at[0] + at[1] + STEP_S) / 2)
        y = self._y((below[there[0]] + above[there[0]]) / 2) + 4
        is_narrow = self._x(at[1] + STEP_S) - self._x(at[0]) < 8 * len(who)
        anchor, x = ("start", self._x(at[1] + STEP_S) + 6) if is_narrow else ("middle", x)
        return f'<text class="area" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(who)}</text>'

    def _axes(self) -> Iterator[str]:
        for percent in (0, 25, 50, 75, 100):
            y = self._y(percent)
            yield f'<line class="grid" x1="{_LEFT}" y1="{y:.0f}" x2="{_LEFT + _WIDTH}" y2="{y:.0f}"/>'
            yield f'<text x="{_LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{percent} %</text>'
        yield f'<text x="{_LEFT - 44}" y="{_TOP - 14}">calls</text>'
        every = next(step for step in (1, 2, 5) if self.until_s / 60 / step <= 14)
        for minute in range(0, int(self.until_s // 60) + 1, every):
            x = self._x(minute * 60)
            yield f'<line class="axis" x1="{x:.0f}" y1="{self.foot}" x2="{x:.0f}" y2="{self.foot + 4}"/>'
            yield f'<text x="{x:.0f}" y="{self.foot + 18}" text-anchor="middle">{minute}</text>'
        yield f'<line class="axis" x1="{_LEFT}" y1="{self.foot}" x2="{_LEFT + _WIDTH}" y2="{self.foot}"/>'
        yield f'<text x="{_LEFT + _WIDTH / 2:.0f}" y="{self.foot + 36}" text-anchor="middle">minutes</text>'

    def _marks(self) -> Iterator[str]:
        end = 0.0
        for mark in self.timeline.marks:
            x = self._x(mark.at_s)
            is_low = x < end + 8
            y = _TOP - (8 if not is_low else 24)
            is_late = x > _LEFT + _WIDTH - 7 * len(mark.text)
            yield f'<line class="at" x1="{x:.1f}" y1="{y + 3}" x2="{x:.1f}" y2="{self.foot}"/>'
            anchor = "end" if is_late else "start"
            yield f'<text class="mark" x="{x:.0f}" y="{y}" text-anchor="{anchor}">{escape(mark.text)}</text>'
            end = max(end, x + 6.5 * len(mark.text))

    def _x(self, at_s: float) -> float:
        return _LEFT + _WIDTH * at_s / self.until_s

    def _y(self, percent: float) -> float:
        return self.bottom - _HEIGHT * percent / 100

    def _strip_y(self, percent: float) -> float:
        return self.foot - _STRIP * percent / 100


def _corners(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out what lies on a straight line between its neighbours."""
    kept: list[tuple[float, float]] = []
    for point in points:
        while len(kept) > 1 and (kept[-2][0] == kept[-1][0] == point[0] or kept[-2][1] == kept[-1][1] == point[1]):
            kept.pop()
        kept.append(point)
    return kept


def picture(name: str) -> tuple[Path, str]:
    """Give a picture, and where it is kept."""
    return FOLDER / f"{name}.svg", draw(play(name))


def main() -> None:
    """Write them; what the handlers log meanwhile is of no interest."""
    FOLDER.mkdir(exist_ok=True)
    for path, drawn in map(picture, RUNS):
        path.write_text(drawn, encoding="utf-8")
        sys.stderr.write(f"{path}\n")


if __name__ == "__main__":
    with redirect_stdout(io.StringIO()):
        main()
