"""Servers of a team's own report what they run, and `status` knows it."""

import pytest

from modelward.core.errors import AccessError
from modelward.planning.status import State

# What docs/deploy.md gives as the policy of a server that reports.
NAMESPACE = "Modelward/Serving"


@pytest.fixture
def hosted(world):
    """Let production be served by servers of the team's own."""
    world.use(world.declaration.partition("[models.digits.endpoints.production]")[0])
    world.release(0.95)
    return world


def told(world):
    return next(each for each in world.registry.status() if each.environment == "production")


def minute(world, *versions, count=1):
    """Let each of some servers report once in each of some minutes."""
    for _ in range(count):
        for version in versions:
            world.digits.report_served("Production", version)
        world.pause(60)


def test_servers_that_run_what_they_should_are_counted(hosted):
    minute(hosted, 1, 1, 1, count=3)
    found = told(hosted)
    assert (found.state, found.live, found.wanted, found.problem) == (State.SERVING, 1, 1, "")
    assert found.fleet.servers == {1: 3}
    assert found.to_json()["fleet"]["servers"] == {"1": 3}


def test_servers_have_some_minutes_to_follow_a_decision(hosted):
    minute(hosted, 1, 1, count=3)
    hosted.release(0.97)
    minute(hosted, 2, 1, count=2)
    found = told(hosted)
    assert (found.state, found.problem, found.fleet.servers) == (State.ROLLING_OUT, "", {1: 1, 2: 1})


def test_a_server_that_does_not_follow_is_told_with_what_to_do(hosted):
    hosted.release(0.97)
    minute(hosted, 2, 2, 1, count=8)
    found = told(hosted)
    assert (found.state, found.live, found.wanted) == (State.BEHIND, 2, 2)
    assert found.problem == "1 of 3 servers do not run v2"
    assert "GET /version" in found.next_step


def test_a_server_without_a_version_is_told_as_such(hosted):
    minute(hosted, 1, None, count=8)
    found = told(hosted)
    assert found.fleet.servers == {1: 1, 0: 1}
    assert "1 server without a version yet" in str(found.fleet)
    assert found.problem == "1 of 2 servers do not run v1"


def test_servers_that_are_gone_are_forgotten_and_nobody_s_report_is_told(hosted):
    minute(hosted, 1, count=3)
    hosted.pause(1200)
    found = told(hosted)
    assert (found.fleet, found.problem) == (None, "no server reports what it runs")
    assert found.next_step.startswith("modelward serve digits --stage Production")


def test_a_server_that_went_counts_no_more(hosted):
    minute(hosted, 1, 1, count=2)
    minute(hosted, 1, count=3)
    assert told(hosted).fleet.servers == {1: 1}


def test_an_endpoint_is_looked_at_and_no_reports(world):
    world.release(0.95)
    since = len(world.calls)
    world.registry.status()
    assert not [name for service, name in world.calls[since:] if service == "cloudwatch"]


def test_looking_costs_one_call_where_nobody_reports_and_two_where_somebody_does(hosted):
    for expected in (1, 2):
        since = len(hosted.calls)
        told(hosted)
        assert [name for service, name in hosted.calls[since:] if service == "cloudwatch"] == [
            "GetMetricData"
        ] * expected
        minute(hosted, 1, count=3)


def test_a_report_is_one_call_in_the_namespace_that_servers_may_write_to(hosted):
    hosted.wanted.clear()
    with hosted.acting("server"):
        hosted.digits.report_served("Production", 1)
    [(_, service, operation, asked, _)] = hosted.wanted
    assert (service, operation, asked["Namespace"]) == ("cloudwatch", "PutMetricData", NAMESPACE)


def test_who_may_not_look_at_reports_is_told_the_rest(hosted):
    def refuse(**_):
        raise AccessError("GetMetricData", "AccessDenied", "not allowed")

    hosted.client("cloudwatch").meta.events.register("before-parameter-build.cloudwatch.GetMetricData", refuse)
    assert (told(hosted).wanted, told(hosted).problem) == (1, "")
