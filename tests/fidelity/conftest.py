"""Behaviour of AWS as tests: in `make test` on the local SageMaker, with --live in the caller's account.

`docs/fidelity.md` has a row for each mark `fidelity("row")`; -k takes the names of rows. A test gets `ground` and knows
nothing of where it stands. With --live a run begins with an estimate and a question, then deletes what expired runs
left, then runs, then deletes all that it has made, whatever happened; at the end it tells row by row what held.
"""

import re
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import botocore
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.fidelity import leftovers
from tests.fidelity.account import Account, Ground, RealPace, Run, local_account
from tests.fidelity.estimate import Endpoint, announcement

_NOTHING_DONE = 2
_ROWS = pytest.StashKey[dict[str, list[str]]]()


# Which tests


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember which tests carry which rows, and leave out what costs unless it is asked for."""
    rows = config.stash.setdefault(_ROWS, {})
    for item in items:
        rows[item.nodeid] = [row for mark in item.iter_markers("fidelity") for row in mark.args]
        if config.getoption("live") and not config.getoption("live_endpoints") and _endpoints(item):
            item.add_marker(pytest.mark.skip(reason="makes endpoints: --live-endpoints"))


def _endpoints(item: pytest.Item) -> list[Endpoint]:
    return [Endpoint(**mark.kwargs) for mark in item.iter_markers("endpoint")]


# Where they run


@pytest.fixture(scope="session")
def live_account(request: pytest.FixtureRequest) -> Iterator[Account | None]:
    """The caller's account, with their leave, tidied up before and after; None unless --live."""
    config = request.config
    if not config.getoption("live"):
        yield None
        return
    if hasattr(config, "workerinput"):
        pytest.exit("Live tests share a role, a queue and a question: run them without -n.", _NOTHING_DONE)
    account = _account(Run.begin(timedelta(minutes=config.getoption("expire_after"))))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it, too, lets the fixtures tidy up
    _begin(account, request)
    try:
        yield account
    finally:
        _end(account, request)


@pytest.fixture
def ground(request: pytest.FixtureRequest, live_account: Account | None) -> Iterator[Ground]:
    if live_account is None:
        with local_account() as account:
            yield Ground(account, 0)
        return
    number = request.session.items.index(request.node)
    live = Ground(live_account, number)
    try:
        yield live
    finally:
        live.close()


def _account(run: Run) -> Account:
    try:
        account = Account(boto3.Session(), RealPace(), run, is_live=True)
        assert account.identity["Account"]
    except (BotoCoreError, ClientError) as error:
        how = "Set AWS_PROFILE and AWS_REGION, or what else boto3 reads, and try again."
        pytest.exit(f"No AWS account to test in: {error} {how}", _NOTHING_DONE)
    return account


def _begin(account: Account, request: pytest.FixtureRequest) -> None:
    config = request.config
    if config.getoption("sweep"):
        swept = leftovers.sweep(account, leftovers.PREFIX, leftovers.Leftover.is_expired)
        account.close()
        pytest.exit(f"Swept {len(swept)} leftovers of earlier runs: {', '.join(swept) or 'none'}.", 0)
    chosen = [item for item in request.session.items if not item.get_closest_marker("skip")]
    endpoints = [endpoint for item in chosen for endpoint in _endpoints(item)]
    refusal = _ask(config, announcement(account, len(chosen), endpoints))
    if refusal:
        account.close()
        pytest.exit(refusal, _NOTHING_DONE)
    leftovers.sweep(account, leftovers.PREFIX, leftovers.Leftover.is_expired)


def _ask(config: pytest.Config, text: str) -> str:
    """Show what is about to happen and ask for leave; return why there is none."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    capture.suspend_global_capture(in_=True)
    try:
        sys.stdout.write(f"\n{text}")
        sys.stdout.flush()
        if config.getoption("yes"):
            return ""
        if not sys.stdin.isatty():
            return "Nothing was made: nobody can be asked here, and there is no --yes."
        is_wanted = input("Begin? [y/N] ").strip().lower() in {"y", "yes"}
        return "" if is_wanted else "Nothing was made."
    finally:
        capture.resume_global_capture()


def _end(account: Account, request: pytest.FixtureRequest) -> None:
    """Delete all that the run has made, and complain of what stays."""
    leftovers.sweep(account, account.run.prefix, lambda leftover: leftover.is_of(account.run.id))
    left = [f"{each.kind} {each.name}" for each in leftovers.find(account, account.run.prefix)]
    account.close()
    assert not left, f"still there, delete it by hand: {', '.join(left)}"


# What came out


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell which rows held: what is to be sent, so without the account's number."""
    if not config.getoption("live") or config.getoption("sweep"):
        return
    told = [line for outcome in ("passed", "failed", "error", "skipped") for line in _told(terminalreporter, outcome)]
    if told:
        terminalreporter.section(f"rows of docs/fidelity.md, botocore {botocore.__version__}")
        terminalreporter.write_line("\n".join(sorted(set(told))))
        terminalreporter.write_line("CONTRIBUTING.md says where to send these lines.")


def _told(terminalreporter: Any, outcome: str) -> Iterator[str]:
    words = {"passed": "holds", "failed": "DIFFERS", "error": "failed", "skipped": "not tried"}
    rows = terminalreporter.config.stash.get(_ROWS, {})
    for report in terminalreporter.stats.get(outcome, ()):
        for row in rows.get(report.nodeid, ()):
            why = "" if outcome == "passed" else f": {_why(report)}"
            yield f"{words[outcome]:<10}{row}{why}"


def _why(report: Any) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return re.sub(r"\b\d{12}\b", "<account>", str(crash.message if crash else report.longrepr)).replace("\n", " ")
