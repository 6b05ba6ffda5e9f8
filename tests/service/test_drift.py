"""An alarm of the team's own goes off while a version serves: the one verified before comes back, once."""

import json
from datetime import timedelta

import pytest
from moto.cloudwatch.models import cloudwatch_backends

from modelward.handlers import reconcile
from modelward.local.moto import clock
from modelward.services import status

ACCOUNT, REGION = "123456789012", "eu-west-1"
SLOW, ODD = "answers too slow", "odd-answers"
DECLARED = f'roll_back_on = ["{SLOW}", "{ODD}"]\n'
CANARY = 'rollout = { strategy = "canary", percent = 50, wait_s = 120 }\n'
BACK = ["rolled-back", "deploying", "verified"]


@pytest.fixture
def watched(world):
    """A world in which two alarms of the team's own bring versions of production back; nothing is live yet."""
    return declared(world)


def declared(world, more="", at="instance_count = 2"):
    """Declare the alarms, by default of production, and make them."""
    world.use(world.declaration.replace(at, f"{at}\n{DECLARED}{more}"))
    for name in (SLOW, ODD):
        world.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="Acme",
            MetricName="Drift",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
    return world


@pytest.fixture
def served(watched):
    """A world in which v2 serves production, where v1 was verified before."""
    watched.release(0.95)
    watched.release(0.97)
    watched.mails()
    return watched


def put(world, name, state="ALARM", ago_s=0.0):
    """Let an alarm be in a state, on the clock of the world: moto stamps it with the time of day."""
    world.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="tried")
    alarm = cloudwatch_backends[ACCOUNT][REGION].alarms[name]
    alarm.state_updated_timestamp = clock() - timedelta(seconds=ago_s)


def event(name, state="ALARM"):
    """Give the event of CloudWatch, as far as the rule asks for it (Alarm events and EventBridge)."""
    detail = {
        "alarmName": name,
        "state": {"value": state, "reason": "tried", "timestamp": "2026-01-05T09:00:00.0+0000"},
    }
    return {"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": detail}


def go_off(world, name=SLOW):
    """Let an alarm go off, and its event come."""
    world.pause()
    put(world, name)
    world.deliver(reconcile.handler, event(name))
    world.finish()


def stands(world, version):
    return world.digits.version(version).refresh()


def test_an_alarm_brings_the_version_before_back_and_tells_it_once(served):
    go_off(served)
    assert served.serving() == 1
    assert served.kinds(1)[-3:] == BACK
    assert served.kinds(2)[-3:] == ["verified", "alarmed", "archived"]
    assert served.digits.current("Production").version == 1
    reason = stands(served, 2).package.life_cycle.description
    assert reason.startswith(f"replaced in Production by v1: {SLOW} went off at 2026-01-05 ")
    told = [mail["Subject"] for mail in served.mails()]
    assert told == [
        "[acme] digits v2 set off an alarm of yours in production",
        "[acme] digits v1 comes back in production",
        "[acme] digits v1 is live and verified in production",
    ]
    assert served.dead == []


def test_the_way_back_makes_no_model_and_no_config(served):
    since = len(served.calls)
    go_off(served)
    made = [name for name in served.changing(since) if name.startswith("Create")]
    assert made == []


def test_an_event_that_comes_twice_or_a_day_late_changes_nothing_more(served):
    go_off(served)
    entries = (served.kinds(1), served.kinds(2))
    for _ in range(2):
        served.deliver(reconcile.handler, event(SLOW))
        served.run_for(2)
    served.pause(86_400)
    served.deliver(reconcile.handler, event(SLOW))
    served.sweep()
    served.finish()
    assert (served.kinds(1), served.kinds(2)) == entries
    assert served.serving() == 1


def test_an_alarm_whose_event_is_lost_is_found_by_the_sweep(served):
    served.pause()
    put(served, ODD)
    served.sweep()
    served.finish()
    assert served.serving() == 1
    assert served.entries(2)[-2].facts["alarm"] == ODD


def test_ordinary_events_do_not_look_at_alarms(served):
    served.pause()
    put(served, SLOW)
    since = len(served.calls)
    served.deliver(reconcile.handler, {"model": "digits", "environment": "production"})
    assert [name for _, name in served.calls[since:] if name == "DescribeAlarms"] == []
    assert served.serving() == 2


def test_an_alarm_that_was_on_before_the_version_was_verified_is_no_verdict_on_it(served):
    put(served, SLOW, ago_s=3600)
    served.deliver(reconcile.handler, event(SLOW))
    served.sweep()
    served.finish()
    assert served.serving() == 2


def test_an_alarm_that_is_off_again_when_its_event_comes_changes_nothing(served):
    put(served, SLOW, "OK")
    served.deliver(reconcile.handler, event(SLOW))
    served.finish()
    assert served.serving() == 2


def test_alarms_of_others_wake_nobody(served):
    since = len(served.calls)
    served.deliver(reconcile.handler, event("somebody-elses"))
    assert served.calls[since:] == []


def test_an_alarm_takes_no_way_back_back(served):
    go_off(served)
    put(served, SLOW, "OK")
    go_off(served)
    go_off(served, ODD)
    served.sweep()
    served.finish()
    assert served.serving() == 1
    assert served.kinds(1).count("alarmed") == 0


def test_an_alarm_after_a_persons_rollback_leaves_what_that_person_chose(served):
    served.digits.roll_back("production", reason="users complain")
    served.finish()
    go_off(served)
    assert served.serving() == 1
    assert "alarmed" not in served.kinds(1)


def test_the_next_version_may_be_taken_back_again(served):
    go_off(served)
    served.release(0.98)
    assert served.serving() == 3
    go_off(served, ODD)
    assert served.serving() == 1
    assert served.kinds(3)[-2:] == ["alarmed", "archived"]


def test_without_a_version_before_it_the_alarm_is_recorded_once_and_told(watched):
    watched.release(0.95)
    watched.mails()
    go_off(watched)
    go_off(watched, ODD)
    watched.sweep()
    watched.finish()
    assert watched.serving() == 1
    assert watched.kinds(1).count("alarmed") == 1
    [mail] = watched.mails()
    assert "no other version may come back here" in mail["Message"]
    assert "Next: modelward promote digits VERSION Production --reason '...'" in mail["Message"]


def test_a_version_that_is_no_longer_approved_does_not_come_back(served):
    served.digits.version(1).reject(reason="it is biased")
    served.finish()
    go_off(served)
    assert served.serving() == 2
    assert "heir" not in served.entries(2)[-1].facts


def test_a_newer_decision_outranks_an_alarm_about_the_version_before_it(served):
    newest = served.register(0.98)
    served.finish()
    newest.approve(reason="good figures")
    served.finish()
    served.is_deaf = True
    newest.promote("Production", reason="released")
    served.is_deaf = False
    go_off(served)
    served.sweep()
    served.finish()
    assert served.serving() == 3
    assert "alarmed" not in served.kinds(2)


def test_an_alarm_in_staging_does_not_take_away_the_version_that_serves_production(world):
    """A version has one stage: were v1 put into staging again, production would have none."""
    declared(world, at="max_concurrency = 5 }")
    world.release(0.95)
    second = world.register(0.97)
    world.finish()
    second.approve(reason="good figures")
    world.finish()
    assert world.serving("staging") == 2
    go_off(world)
    assert (world.serving("staging"), world.serving()) == (2, 1)
    assert world.digits.current("Production").version == 1
    assert world.kinds(2)[-1] == "alarmed"


def test_during_a_rollout_the_alarms_are_among_those_that_end_it(world):
    declared(world, CANARY)
    world.release(0.95)
    world.release(0.97)
    [update] = [p for _, _, name, p in world.asked if name == "UpdateEndpoint" and p["EndpointName"].endswith("tion")]
    alarms = update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert alarms == [{"AlarmName": SLOW}, {"AlarmName": ODD}]
    go_off(world)
    assert world.serving() == 1
    back = [p for _, _, name, p in world.asked if name == "UpdateEndpoint"][-1]
    assert "DeploymentConfig" not in back


KINDS = ["throttled", "timeout_before", "timeout_after", "crash_before", "crash_after", "conflict", "denied"]


@pytest.mark.parametrize("kind", KINDS)
def test_taking_a_version_back_survives_a_fault_at_every_call(served, marching_fault, kind):
    served.fault = marching_fault(kind)
    go_off(served)
    assert served.dead == []
    assert served.serving() == 1
    assert served.kinds(1)[-3:] == BACK
    assert served.kinds(2).count("alarmed") == 1
    assert served.kinds(2)[-1] == "archived"


def test_what_was_announced_is_done_although_the_alarm_is_off_by_then(served, marching_fault):
    served.pause()
    put(served, SLOW)
    served.fault = marching_fault("crash_before")
    record = {"messageId": "m", "body": json.dumps(event(SLOW))}
    while served.fault.struck[-1:] != ["UpdateModelPackage"]:
        served.fault.begin(len(served.fault.struck))
        served._is_handled(reconcile.handler, record)
    assert (served.kinds(2)[-1], served.kinds(1)[-1]) == ("alarmed", "archived"), "recorded, and not done"
    served.fault = None
    put(served, SLOW, "OK")
    served.deliver(reconcile.handler, {"model": "digits", "environment": "production"})
    served.finish()
    assert served.serving() == 1
    assert served.kinds(2).count("alarmed") == 1


def test_status_says_which_alarm_brought_the_version_back_until_the_next_decision(served):
    go_off(served)
    [production] = [each for each in status.status(served.context, "digits") if each.environment == "production"]
    assert (production.live, production.state) == (1, "serving")
    assert production.problem.startswith(f"this version came back: {SLOW} went off at 2026-01-05 ")
    assert "modelward history digits" in production.next_step
    served.release(0.98)
    [production] = [each for each in status.status(served.context, "digits") if each.environment == "production"]
    assert production.problem == ""


def test_status_says_that_nobody_could_come_back(watched):
    watched.release(0.95)
    go_off(watched)
    [production] = [each for each in status.status(watched.context, "digits") if each.environment == "production"]
    assert production.problem.endswith("no other version may come back here")
    assert production.next_step == "modelward promote digits VERSION Production --reason '...'"


def test_a_version_that_comes_back_is_not_long_out_of_step(served):
    served.pause(30 * 86_400)
    served.is_deaf = True
    put(served, SLOW)
    served.deliver(reconcile.handler, event(SLOW))
    began = clock()
    [plan] = reconcile.reconcile(served.context, "digits", "production", 1)[-1:]
    assert plan.behind_since >= began - timedelta(seconds=10)
