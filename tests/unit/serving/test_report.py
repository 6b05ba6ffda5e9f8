"""A server tells once a minute what it runs, and serves on when nobody hears it."""

from datetime import UTC, datetime, timedelta

import pytest

from modelward.core.errors import AccessError
from modelward.serving.report import Reporter
from modelward.serving.switch import Report


class Version:
    version = 3


class Desk:
    """Where reports arrive, on a clock that a test moves."""

    def __init__(self):
        self.now = datetime(2026, 1, 5, 12, 0, 50, tzinfo=UTC)
        self.sent, self.said = [], []
        self.live, self.refusal = Version(), None
        self.reporter = Reporter(self.look, self.send, lambda: self.now, self.said.append)

    def look(self):
        return Report(self.live, None, "", "ok")

    def send(self, version):
        if self.refusal:
            raise self.refusal
        self.sent.append(version)

    def after(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.reporter.report()


@pytest.fixture
def desk():
    return Desk()


def test_each_minute_is_reported_once(desk):
    for seconds in (0, 5, 5, 5, 30, 30):
        desk.after(seconds)
    assert desk.sent == [3, 3, 3]


def test_a_server_that_has_loaded_nothing_says_so(desk):
    desk.live = None
    desk.after(0)
    assert desk.sent == [None]


def test_a_refusal_is_said_once_and_the_end_of_it_too(desk):
    desk.refusal = AccessError("PutMetricData", "AccessDenied", "no")
    for _ in range(3):
        desk.after(60)
    desk.refusal = None
    desk.after(60)
    assert desk.sent == [3]
    assert len(desk.said) == 2
    assert desk.said[0].startswith("modelward status will not know what is served here: ")
