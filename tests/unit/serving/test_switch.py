"""The switch, without HTTP, files or time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

from modelward.core.errors import IntegrityError, ThrottledError
from modelward.serving.switch import Registered, Switch


@dataclass(frozen=True)
class Version:
    version: int

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/digits/{self.version}"

    @property
    def sha256(self) -> str:
        return f"{self.version:064x}"

    def download(self, folder: Path) -> Path:
        return folder


@dataclass
class Model:
    version: int
    is_closed: bool = False

    def close(self) -> None:
        self.is_closed = True


@dataclass
class World:
    """A stage, a clock and a record of what the switch did."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    stage: Version | None = None
    faults: dict[int, BaseException] = field(default_factory=dict)
    silence: Exception | None = None
    loads: list[Model] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    during_load: Callable[[], object] = lambda: None

    def current(self) -> Version | None:
        if self.silence:
            raise self.silence
        return self.stage

    def load(self, version: Registered) -> Model:
        self.attempts.append(version.version)
        self.during_load()
        if version.version in self.faults:
            raise self.faults[version.version]
        self.loads.append(Model(version.version))
        return self.loads[-1]

    def switch(self) -> Switch[Model]:
        return Switch(current=self.current, load=self.load, clock=lambda: self.now, retry_s=30, tell=self.told.append)


@pytest.fixture
def world() -> World:
    return World()


def live(switch: Switch[Model]) -> int | None:
    with switch.lease() as leased:
        return leased[1].version if leased else None


def test_nothing_is_live_before_the_first_poll(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    assert live(switch) is None
    assert switch.report().to_json()["version"] is None


def test_the_version_of_the_stage_becomes_live(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    assert live(switch) == 1
    assert switch.report().to_json() == {
        "version": 1,
        "arn": Version(1).arn,
        "sha256": Version(1).sha256,
        "loaded_at": "2026-01-01T00:00:00+00:00",
        "failed": None,
        "registry": "ok",
    }


def test_a_version_that_stays_is_loaded_once(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    for _ in range(5):
        switch.poll()
    assert world.attempts == [1]


def test_a_new_version_replaces_the_old_one_which_is_closed(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    world.stage = Version(2)
    switch.poll()
    assert live(switch) == 2
    assert [(m.version, m.is_closed) for m in world.loads] == [(1, True), (2, False)]


def test_a_rollback_to_an_older_version_is_a_replacement_like_any_other(world: World) -> None:
    switch = world.switch()
    for number in (1, 2, 1):
        world.stage = Version(number)
        switch.poll()
    assert live(switch) == 1
    assert world.attempts == [1, 2, 1]


def test_a_request_keeps_its_version_through_the_swap_and_the_version_is_closed_after_it(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    with switch.lease() as first, switch.lease() as second:
        assert first is not None
        assert second is not None
        world.stage = Version(2)
        switch.poll()
        assert live(switch) == 2
        assert not first[1].is_closed
    assert first[1].is_closed


def test_a_request_that_raises_gives_its_version_back(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    with pytest.raises(ZeroDivisionError), switch.lease():
        raise ZeroDivisionError
    switch.close()
    assert world.loads[0].is_closed


def test_the_old_version_answers_while_the_new_one_is_loaded(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    seen: list[int | None] = []
    world.during_load = lambda: seen.append(live(switch))
    world.stage = Version(2)
    switch.poll()
    assert seen == [1]


def test_a_lease_does_not_wait_for_a_load_in_another_thread(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    is_loading, may_end = Event(), Event()

    def slow() -> None:
        is_loading.set()
        assert may_end.wait(10)

    world.during_load = slow
    world.stage = Version(2)
    thread = Thread(target=switch.poll)
    thread.start()
    assert is_loading.wait(10)
    assert live(switch) == 1
    may_end.set()
    thread.join(10)
    assert live(switch) == 2


@pytest.mark.parametrize(
    "fault",
    [
        IntegrityError("digits 2", expected="aa", found="bb"),
        ValueError("bad pickle"),
        SystemExit(3),
    ],
)
def test_a_version_that_fails_to_load_is_not_swapped_in_and_the_report_says_why(
    world: World, fault: BaseException
) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    world.stage, world.faults = Version(2), {2: fault}
    switch.poll()
    report = switch.report().to_json()
    assert live(switch) == 1
    assert report["version"] == 1
    assert report["failed"].startswith("version 2: ")
    assert world.told[-1].startswith("failed: version 2: ")


def test_a_failure_of_ours_is_told_in_one_line_without_its_next_step(world: World) -> None:
    world.stage, world.faults = Version(2), {2: IntegrityError("digits 2", expected="aa", found="bb")}
    switch = world.switch()
    switch.poll()
    assert switch.report().failed == (
        "version 2: digits 2 has SHA-256 bb, but aa was registered. (tried 1 x, again at 2026-01-01T00:00:30+00:00)"
    )


def test_a_failed_version_is_tried_again_ever_more_rarely_but_at_least_each_hour(world: World) -> None:
    world.stage, world.faults = Version(2), {2: ValueError("bad")}
    switch, tried_at = world.switch(), []
    for second in range(0, 4 * 3600, 10):
        world.now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        before = len(world.attempts)
        switch.poll()
        if len(world.attempts) > before:
            tried_at.append(second)
    gaps = [b - a for a, b in pairwise(tried_at)]
    assert gaps[:7] == [30, 60, 120, 240, 480, 960, 1920]
    assert set(gaps[7:]) == {3600}


def test_a_version_that_can_be_loaded_later_becomes_live_and_the_failure_is_forgotten(world: World) -> None:
    world.stage, world.faults = Version(2), {2: ValueError("bad")}
    switch = world.switch()
    switch.poll()
    world.faults, world.now = {}, world.now + timedelta(seconds=30)
    switch.poll()
    assert live(switch) == 2
    assert switch.report().failed == ""


def test_another_version_need_not_wait_for_the_retry_of_the_failed_one(world: World) -> None:
    world.stage, world.faults = Version(2), {2: ValueError("bad")}
    switch = world.switch()
    switch.poll()
    world.stage = Version(3)
    switch.poll()
    assert live(switch) == 3


def test_going_back_to_the_live_version_forgets_the_failure(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    world.stage, world.faults = Version(2), {2: ValueError("bad")}
    switch.poll()
    world.stage = Version(1)
    switch.poll()
    assert switch.report().failed == ""
    assert world.attempts == [1, 2]


def test_a_registry_that_does_not_answer_changes_nothing_and_is_told_once(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    world.silence = ThrottledError("Search", "ThrottlingException", "Rate exceeded")
    switch.poll()
    switch.poll()
    assert live(switch) == 1
    assert switch.report().registry == "no answer: Search: ThrottlingException: Rate exceeded"
    world.silence = None
    switch.poll()
    assert switch.report().registry == "ok"
    assert world.told == [
        "version 1 is live",
        "registry: no answer: Search: ThrottlingException: Rate exceeded",
        "registry: ok",
    ]


def test_a_stage_that_no_version_holds_leaves_the_live_version(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    world.stage = None
    switch.poll()
    assert live(switch) == 1


def test_a_closed_switch_holds_nothing(world: World) -> None:
    world.stage = Version(1)
    switch = world.switch()
    switch.poll()
    switch.close()
    assert live(switch) is None
    assert world.loads[0].is_closed
    switch.close()


def test_each_version_is_closed_exactly_once_under_many_threads_and_swaps(world: World) -> None:
    world.stage = Version(0)
    switch = world.switch()
    switch.poll()
    done, wrong = Event(), []

    def ask() -> None:
        while not done.is_set():
            with switch.lease() as leased:
                if leased is None or leased[1].is_closed:
                    wrong.append(leased)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 300):
        world.stage = Version(number)
        switch.poll()
    done.set()
    for thread in threads:
        thread.join(10)
    assert wrong == []
    assert [m.version for m in world.loads if not m.is_closed] == [299]
