"""What `registry.toml` may say, and how each mistake in it is refused."""

import pytest
from tests.declaration import DIGITS, EMAIL

from modelward import config
from modelward.config import (
    AlarmSpec,
    AutoscalingSpec,
    CaptureSpec,
    EndpointSpec,
    Enter,
    EnvironmentSpec,
    Gate,
    NotificationSpec,
    RolloutSpec,
    Serverless,
    Slack,
    Strategy,
    VpcSpec,
)
from modelward.core.errors import ConfigError

SLACK = 'slack = { webhook_secret = "modelward/slack" }\n'
EXAMPLE = DIGITS.replace("log_loss = { at_most = 0.50 }", "log_loss = { at_most = 1 }") + EMAIL + SLACK
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VPC = 'vpc = { subnets = ["subnet-0a1b2c3d", "subnet-0a1b2c3d4e5f67890"], security_groups = ["sg-0a1b2c3d"] }'
HEAD = '[registry]\nname = "acme"\nstages = ["Development", "Production", "Archived"]\n'


def edited(old: str, new: str) -> str:
    assert EXAMPLE.count(old) == 1
    return EXAMPLE.replace(old, new)


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "registry.toml")
    return caught.value


def test_the_example_means_what_it_says():
    spec = config.parse(EXAMPLE)
    assert (spec.name, spec.first_stage, spec.archive_stage) == ("acme", "Development", "Archived")
    assert spec.environments == {
        "staging": EnvironmentSpec("staging", "Staging", Enter.ON_APPROVAL),
        "production": EnvironmentSpec("production", "Production", Enter.ON_PROMOTION),
    }
    digits = spec.models["digits"]
    assert (digits.name, digits.owner) == ("digits", "vision-team")
    assert digits.gates == {
        "accuracy": Gate("accuracy", at_least=0.9, worse_than_live_by_at_most=0.01),
        "log_loss": Gate("log_loss", at_most=1.0),
    }
    assert digits.endpoints == {
        "staging": EndpointSpec("staging", serverless=Serverless(2048, 5)),
        "production": EndpointSpec("production", instance_type="ml.m5.large", instance_count=2),
    }
    assert spec.notifications == NotificationSpec(("ml-platform@example.com",), Slack("modelward/slack"))


def test_an_endpoint_declares_only_the_alarms_that_somebody_wants():
    text = edited("instance_count = 2", "alarms = { errors_5xx_at_most = 0, silent_for_minutes = 1440 }")
    alarms = config.parse(text).models["digits"].endpoints["production"].alarms
    assert alarms == AlarmSpec(errors_5xx_at_most=0, latency_p90_ms_at_most=None, silent_for_minutes=1440)
    assert config.parse(EXAMPLE).models["digits"].endpoints["production"].alarms is None


def test_containers_have_a_network_unless_somebody_says_otherwise():
    isolated = config.parse(edited("instance_count = 2", "network_isolation = true"))
    assert isolated.models["digits"].endpoints["production"].network_isolation is True
    assert config.parse(EXAMPLE).models["digits"].endpoints["production"].network_isolation is False


def test_an_endpoint_captures_a_part_of_its_calls_and_one_side_of_them_if_somebody_says_so():
    def captured(text: str) -> object:
        return config.parse(edited("instance_count = 2", text)).models["digits"].endpoints["production"].data_capture

    assert captured("data_capture = { percent = 10 }") == CaptureSpec(10, only=None)
    assert captured('data_capture = { percent = 100, only = "requests" }') == CaptureSpec(100, only="requests")
    assert captured("") is None


def test_the_number_of_instances_follows_the_calls_if_somebody_says_so():
    def scaled(text: str) -> EndpointSpec:
        return config.parse(edited("instance_count = 2", text)).models["digits"].endpoints["production"]

    limits = "min = 2, max = 4, invocations_per_instance = 100"
    plain = scaled(f"autoscaling = {{ {limits} }}")
    assert plain.autoscaling == AutoscalingSpec(2, 4, 100, scale_in_cooldown_s=None, scale_out_cooldown_s=None)
    assert plain.initial_count == 2
    slow = scaled(f"autoscaling = {{ {limits}, scale_in_cooldown_s = 600, scale_out_cooldown_s = 0 }}")
    assert slow.autoscaling == AutoscalingSpec(2, 4, 100, scale_in_cooldown_s=600, scale_out_cooldown_s=0)
    assert scaled("").autoscaling is None
    assert scaled("instance_count = 3").initial_count == 3


GUARDED = "instance_count = 2\nalarms = { errors_5xx_at_most = 0 }"


def test_an_endpoint_moves_as_it_says_or_else_as_its_environment_says():
    canary = 'rollout = { strategy = "canary", percent = 10, wait_s = 300, termination_wait_s = 60 }\n'
    text = edited('stage = "Production"', f'stage = "Production"\n{canary}').replace("instance_count = 2", GUARDED)
    spec = config.parse(text)
    declared = RolloutSpec(Strategy.CANARY, 10, 300, 60)
    assert spec.rollout("digits", "production") == declared
    assert spec.rollout("digits", "staging") is None
    assert declared.waits_s == 360
    own = config.parse(text.replace(GUARDED, f"{GUARDED}\nrollout = {{}}"))
    assert own.rollout("digits", "production") == RolloutSpec()
    assert (spec.is_guarded, own.is_guarded, config.parse(EXAMPLE).is_guarded) == (True, True, False)


def test_alarms_of_the_team_s_own_are_enough_for_a_rollout_in_parts():
    canary = 'rollout = { strategy = "canary", percent = 10, wait_s = 300 }'
    text = edited("instance_count = 2", f'instance_count = 2\nroll_back_on = ["odd", "Slow: p99"]\n{canary}')
    spec = config.parse(text)
    endpoint = spec.models["digits"].endpoints["production"]
    assert (endpoint.is_watched, spec.is_guarded, spec.alarms) == (True, True, ("Slow: p99", "odd"))
    assert config.parse(EXAMPLE).alarms == ()


@pytest.mark.parametrize(
    ("strategy", "waits_s"),
    [
        ('strategy = "linear", percent = 25, wait_s = 100, termination_wait_s = 60', 3 * 100 + 60),
        ('strategy = "linear", percent = 30, wait_s = 100', 3 * 100),
        ('strategy = "rolling", percent = 30, wait_s = 100', 4 * 100),
        ("termination_wait_s = 60", 60),
    ],
)
def test_a_rollout_waits_for_its_parts_and_not_after_the_last_one_twice(strategy, waits_s):
    text = edited("instance_count = 2", f"{GUARDED}\nrollout = {{ {strategy} }}")
    assert config.parse(text).rollout("digits", "production").waits_s == waits_s


def test_instances_take_a_key_for_their_volumes_and_a_place_in_a_vpc():
    placed = config.parse(edited("instance_count = 2", f'volume_key_arn = "{KEY}"\n{VPC}'))
    endpoint = placed.models["digits"].endpoints["production"]
    assert endpoint.volume_key_arn == KEY
    assert endpoint.vpc == VpcSpec(("subnet-0a1b2c3d", "subnet-0a1b2c3d4e5f67890"), ("sg-0a1b2c3d",))
    plain = config.parse(EXAMPLE).models["digits"].endpoints["production"]
    assert (plain.volume_key_arn, plain.vpc) == (None, None)


def test_only_the_heading_is_required():
    spec = config.parse(HEAD)
    assert (spec.environments, spec.models, spec.notifications) == ({}, {}, NotificationSpec())


def test_a_stage_finds_the_environment_that_serves_it():
    spec = config.parse(EXAMPLE)
    assert spec.environment_of("Staging") is spec.environments["staging"]
    assert spec.environment_of("Development") is None


def test_what_was_read_cannot_be_changed():
    spec = config.parse(EXAMPLE)
    with pytest.raises(TypeError):
        spec.models["other"] = spec.models["digits"]  # type: ignore[index]
    with pytest.raises(TypeError):
        spec.models["digits"].gates["f1"] = Gate("f1", at_least=0.5)  # type: ignore[index]


def test_a_whole_number_passes_for_a_float_and_becomes_one():
    limit = config.parse(EXAMPLE).models["digits"].gates["log_loss"].at_most
    assert limit == 1.0
    assert isinstance(limit, float)


@pytest.mark.parametrize(
    ("gate", "is_higher_better"),
    [
        (Gate("m", at_least=0.9), True),
        (Gate("m", at_most=0.5), False),
        (Gate("m", at_most=0.5, worse_than_live_by_at_most=0.1), False),
        (Gate("m", at_least=0.1, at_most=0.5), None),
        (Gate("m", at_least=0.1, at_most=0.5, better="lower"), False),
        (Gate("m", worse_than_live_by_at_most=0.1, better="higher"), True),
        (Gate("m", at_most=0.5, better="higher"), True),
    ],
)
def test_a_gate_knows_which_way_its_metric_improves(gate: Gate, is_higher_better: bool | None):
    assert gate.is_higher_better is is_higher_better


@pytest.mark.parametrize(
    "gate",
    [
        "{ at_least = 0.1, at_most = 0.5 }",
        "{ at_least = 0.5, at_most = 0.5 }",
        '{ worse_than_live_by_at_most = 0, better = "higher" }',
        '{ at_least = 0.1, at_most = 0.5, worse_than_live_by_at_most = 0.1, better = "lower" }',
        "{ at_least = -3 }",
        '{ at_most = 2, better = "higher" }',
    ],
)
def test_unambiguous_gates_are_taken(gate: str):
    config.parse(edited("{ at_most = 1 }", gate))


@pytest.mark.parametrize("metric", ["f1", "validation:rmse", "recall @ 5", "précision", "精度", "m" * 121])
def test_metric_names_of_any_script_are_taken(metric: str):
    assert metric in config.parse(edited("log_loss =", f'"{metric}" =')).models["digits"].gates


GATE = "models.digits.gates.log_loss"
PRODUCTION = "models.digits.endpoints.production"
SCALED = "autoscaling = { min = 2, max = 4, invocations_per_instance = 100 }"
SERVERLESS = "models.digits.endpoints.staging.serverless"
WATCHED = "alarms = { errors_5xx_at_most = 0 }"
CANARY = 'rollout = { strategy = "canary", percent = 10, wait_s = 60 }'


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "allowed"),
    [
        # keys
        (
            "[notifications]",
            "[notification]",
            "notification",
            "did you mean 'notifications'?",
            "registry, environments",
        ),
        ('enter = "on-approval"', "entr = 1", "environments.staging.entr", "did you mean 'enter'?", "stage, enter"),
        ("owner =", "Owner =", "models.digits.Owner", "did you mean 'owner'?", "owner, gates, endpoints"),
        ("at_most = 1", "atmost = 1", f"{GATE}.atmost", "did you mean 'at_most'?", "at_least, at_most"),
        ("at_most = 1", "zzz = 1", f"{GATE}.zzz", "found an unknown key;", "at_least, at_most"),
        ('owner = "vision-team"', "", "models.digits.owner", "nothing", "answers for the model"),
        ('stage = "Staging"', "", "environments.staging.stage", "nothing", "stage of [registry].stages"),
        ('name   = "acme"', "", "registry.name", "nothing", "name of the registry"),
        ("memory_mb = 2048, ", "", f"{SERVERLESS}.memory_mb", "nothing", "memory"),
        # types
        ('name   = "acme"', "name = 7", "registry.name", "7", "letters, digits"),
        ('stage = "Staging"', 'stage = ["Staging"]', "environments.staging.stage", "an array", "letters, digits"),
        ('email = ["ml-platform@example.com"]', 'email = "a@b.io"', "notifications.email", "'a@b.io'", "an array"),
        ("{ at_most = 1 }", "0.5", GATE, "0.5", "a table of at_least, at_most"),
        ("at_most = 1", "at_most = true", f"{GATE}.at_most", "true", "a finite number"),
        ("at_most = 1", 'at_most = "1"', f"{GATE}.at_most", "'1'", "a finite number"),
        ("instance_count = 2", "instance_count = true", f"{PRODUCTION}.instance_count", "true", "a whole number"),
        ("instance_count = 2", "instance_count = 2.0", f"{PRODUCTION}.instance_count", "2.0", "a whole number"),
        ("instance_count = 2", "instance_count = 2026-01-01", f"{PRODUCTION}.instance_count", "a date", "a whole"),
        ('"on-approval"', "true", "environments.staging.enter", "true", "'on-approval' or 'on-promotion'"),
        ('"on-approval"', '"on-aproval"', "environments.staging.enter", "did you mean 'on-approval'?", "'on-appr"),
        # ranges
        ("at_most = 1", "at_most = nan", f"{GATE}.at_most", "nan", "a finite number"),
        ("at_most = 1", "at_most = -inf", f"{GATE}.at_most", "-inf", "a finite number"),
        ("at_most = 1", f"at_most = 0x{'f' * 999}", f"{GATE}.at_most", "an integer of 3996 bits", "a finite number"),
        (
            "most = 0.01",
            "most = -0.01",
            "models.digits.gates.accuracy.worse_than_live_by_at_most",
            "-0.01",
            "at least 0",
        ),
        (
            "memory_mb = 2048",
            "memory_mb = 2000",
            f"{SERVERLESS}.memory_mb",
            "2000",
            "multiple of 1024 from 1024 to 6144",
        ),
        (
            "memory_mb = 2048",
            "memory_mb = 7168",
            f"{SERVERLESS}.memory_mb",
            "7168",
            "multiple of 1024 from 1024 to 6144",
        ),
        ("memory_mb = 2048", "memory_mb = 0", f"{SERVERLESS}.memory_mb", "0", "multiple of 1024 from 1024 to 6144"),
        ("concurrency = 5", "concurrency = 0", f"{SERVERLESS}.max_concurrency", "0", "a whole number from 1 to 200"),
        (
            "concurrency = 5",
            "concurrency = 201",
            f"{SERVERLESS}.max_concurrency",
            "201",
            "a whole number from 1 to 200",
        ),
        ("instance_count = 2", "instance_count = 0", f"{PRODUCTION}.instance_count", "0", "a whole number from 1"),
        # combinations
        ("{ at_most = 1 }", "{}", GATE, "an empty table", "at least one of at_least, at_most and worse"),
        ("{ at_most = 1 }", '{ better = "lower" }', GATE, "better", "at least one of at_least, at_most and worse"),
        ("{ at_most = 1 }", "{ worse_than_live_by_at_most = 0.1 }", GATE, "worse_than_live", 'better = "higher" or'),
        (
            "{ at_most = 1 }",
            "{ at_least = 0, at_most = 1, worse_than_live_by_at_most = 0.1 }",
            GATE,
            "at_least and at_most and worse_than_live_by_at_most",
            'better = "higher" or "lower"',
        ),
        ("{ at_most = 1 }", "{ at_least = 2, at_most = 1 }", GATE, "which no value meets", "no greater than at_most"),
        ('instance_type  = "ml.m5.large"', "", PRODUCTION, "instance_count", "exactly one of serverless and instance"),
        (
            "serverless = {",
            'instance_type = "ml.m5.large"\nserverless = {',
            "models.digits.endpoints.staging",
            "instance_type and serverless",
            "exactly one of serverless and instance_type",
        ),
        (
            "serverless = {",
            "instance_count = 1\nserverless = {",
            "models.digits.endpoints.staging",
            "instance_count and serverless",
            "instance_count only beside instance_type",
        ),
        (
            "serverless = {",
            "network_isolation = true\nserverless = {",
            "models.digits.endpoints.staging",
            "network_isolation and serverless",
            "network_isolation only beside instance_type",
        ),
        ("instance_count = 2", "network_isolation = 1", f"{PRODUCTION}.network_isolation", "1", "true or false"),
        # rollouts
        *(
            (
                "instance_count = 2",
                f"{GUARDED}\nrollout = {{ {rollout} }}",
                f"{PRODUCTION}.rollout.{key}",
                found,
                allowed,
            )
            for rollout, key, found, allowed in (
                ('strategy = "blue"', "strategy", "'blue'", "'all-at-once' or 'canary'"),
                ('strategy = "canary", wait_s = 60', "percent", "nothing", "which strategy 'canary' needs"),
                ('strategy = "rolling", percent = 50', "wait_s", "nothing", "which strategy 'rolling' needs"),
                ("percent = 10", "percent", "10 beside strategy 'all-at-once'", "nothing: it is for ab, canary"),
                ('strategy = "shadow", percent = 10', "trial_s", "nothing", "which strategy 'shadow' needs"),
                ('strategy = "ab", percent = 100', "percent", "100", "1 to 99"),
                ('strategy = "ab", percent = 10, trial_s = 600', "trial_s", "600 beside", "it is for shadow"),
                ('strategy = "ab", percent = 10, time_limit_s = 600', "time_limit_s", "600 beside", "all-at-once"),
                ('strategy = "linear", percent = 9, wait_s = 60', "percent", "9", "10 to 50"),
                ('strategy = "rolling", percent = 4, wait_s = 60', "percent", "4", "5 to 50"),
                (
                    'strategy = "rolling", percent = 50, wait_s = 60, termination_wait_s = 60',
                    "termination_wait_s",
                    "60 beside strategy 'rolling'",
                    "nothing: it is for all-at-once, canary, linear",
                ),
                (
                    'strategy = "canary", percent = 10, wait_s = 3600, time_limit_s = 3600',
                    "time_limit_s",
                    "3600",
                    "more than the 3600 s",
                ),
            )
        ),
        *(
            ("instance_count = 2", endpoint, PRODUCTION, found, "or rollout = {} here")
            for endpoint, found in (
                (f"instance_count = 1\n{WATCHED}\n{CANARY}", "one instance"),
                (f"instance_count = 2\n{CANARY}", "no alarms on errors or latency"),
                (f"instance_count = 2\nalarms = {{ silent_for_minutes = 5 }}\n{CANARY}", "no alarms on errors"),
            )
        ),
        (
            '"ml.m5.large"',
            f'"ml.inf1.xlarge"\n{WATCHED}\n{CANARY}',
            PRODUCTION,
            "ml.inf1.xlarge, which SageMaker moves all at once, beside strategy 'canary'",
            "or rollout = {} here",
        ),
        (
            'stage = "Staging"',
            'stage = "Staging"\nrollout = { strategy = "ab", percent = 10 }',
            "models.digits.endpoints.staging",
            "a serverless endpoint, which has one variant only, beside strategy 'ab'",
            "instance_type and instance_count; or rollout = {} here",
        ),
        (
            "instance_count = 2",
            f'{SCALED}\nrollout = {{ strategy = "ab", percent = 10 }}',
            PRODUCTION,
            "autoscaling, which would scale two versions apart",
            "or rollout = {} here",
        ),
        (
            'stage = "Staging"',
            f'stage = "Staging"\n{CANARY}',
            "models.digits.endpoints.staging",
            "a serverless endpoint, which has no instances to move",
            "or rollout = {} here",
        ),
        # alarms of the team's own
        (
            "instance_count = 2",
            'roll_back_on = ["a\\tb"]',
            f"{PRODUCTION}.roll_back_on[0]",
            "'a\\tb'",
            "the name of a CloudWatch alarm",
        ),
        (
            "instance_count = 2",
            f'roll_back_on = ["{"a" * 256}"]',
            f"{PRODUCTION}.roll_back_on[0]",
            "(256 characters)",
            "1 to 255 characters",
        ),
        (
            "instance_count = 2",
            f"alarms = {{ errors_5xx_at_most = 0 }}\nroll_back_on = {[f'a{n}' for n in range(10)]}",
            f"{PRODUCTION}.roll_back_on",
            "10 alarms beside 1 on errors and latency",
            "at most 10 in all",
        ),
        # volumes and VPC
        (
            "serverless = {",
            f'volume_key_arn = "{KEY}"\nserverless = {{',
            "models.digits.endpoints.staging",
            "volume_key_arn and serverless",
            "volume_key_arn only beside instance_type",
        ),
        (
            "instance_count = 2",
            'volume_key_arn = "alias/ml"',
            f"{PRODUCTION}.volume_key_arn",
            "'alias/ml'",
            "the ARN of a KMS key",
        ),
        (
            "serverless = {",
            f"{VPC}\nserverless = {{",
            "models.digits.endpoints.staging",
            "vpc and serverless",
            "vpc only beside instance_type, for serverless endpoints are in no VPC",
        ),
        (
            "instance_count = 2",
            'vpc = { subnets = ["subnet-0a1b2c3d"] }',
            f"{PRODUCTION}.vpc.security_groups",
            "nothing",
            "security groups of those interfaces",
        ),
        (
            "instance_count = 2",
            'vpc = { subnets = [], security_groups = ["sg-0a1b2c3d"] }',
            f"{PRODUCTION}.vpc.subnets",
            "an array of 0",
            "an array of at least 1",
        ),
        (
            "instance_count = 2",
            'vpc = { subnets = ["vpc-0a1b2c3d"], security_groups = ["sg-0a1b2c3d"] }',
            f"{PRODUCTION}.vpc.subnets[0]",
            "'vpc-0a1b2c3d'",
            "the id of a subnet",
        ),
        (
            "instance_count = 2",
            f'vpc = {{ subnets = ["subnet-0a1b2c3d"], security_groups = {[f"sg-0000000{n}" for n in range(6)]} }}',
            f"{PRODUCTION}.vpc.security_groups",
            "an array of 6",
            "an array of at most 5",
        ),
        # data capture
        (
            "serverless = {",
            "data_capture = { percent = 10 }\nserverless = {",
            "models.digits.endpoints.staging",
            "data_capture and serverless",
            "data_capture only beside instance_type",
        ),
        (
            "serverless = {",
            "asynchronous = {}\nserverless = {",
            "models.digits.endpoints.staging",
            "asynchronous and serverless",
            "asynchronous only beside instance_type, for serverless endpoints answer at once",
        ),
        (
            "instance_count = 2",
            "asynchronous = {}\ndata_capture = { percent = 10 }",
            PRODUCTION,
            "asynchronous and data_capture",
            "one of data_capture and asynchronous, for calls and answers of asynchronous endpoints are in S3 anyway",
        ),
        (
            "instance_count = 2",
            "asynchronous = {}\nautoscaling = { min = 1, max = 2, invocations_per_instance = 9 }",
            PRODUCTION,
            "asynchronous and autoscaling",
            "one of autoscaling and asynchronous, for asynchronous endpoints publish no InvocationsPerInstance",
        ),
        (
            "instance_count = 2",
            "asynchronous = {}\nalarms = { silent_for_minutes = 9 }",
            f"{PRODUCTION}.alarms.silent_for_minutes",
            "9",
            "nothing beside asynchronous: SageMaker publishes no Invocations for such endpoints",
        ),
        (
            "instance_count = 2",
            "asynchronous = { max_concurrent_calls = 1001 }",
            f"{PRODUCTION}.asynchronous.max_concurrent_calls",
            "1001",
            "1 to 1000",
        ),
        ("instance_count = 2", "data_capture = {}", f"{PRODUCTION}.data_capture.percent", "nothing", "how many calls"),
        ("instance_count = 2", "data_capture = { percent = 0 }", f"{PRODUCTION}.data_capture.percent", "0", "1 to 100"),
        (
            "instance_count = 2",
            'data_capture = { percent = 1, only = "request" }',
            f"{PRODUCTION}.data_capture.only",
            "did you mean 'requests'?",
            "'requests' or 'responses'",
        ),
        # autoscaling
        (
            "serverless = {",
            f"{SCALED}\nserverless = {{",
            "models.digits.endpoints.staging",
            "autoscaling and serverless",
            "autoscaling only beside instance_type",
        ),
        (
            "instance_count = 2",
            f"instance_count = 2\n{SCALED}",
            PRODUCTION,
            "instance_type and instance_count and autoscaling",
            "one of instance_count and autoscaling",
        ),
        (
            "instance_count = 2",
            SCALED.replace("max = 4", "max = 1"),
            f"{PRODUCTION}.autoscaling",
            "min 2 and max 1",
            "min no greater than max",
        ),
        ("instance_count = 2", SCALED.replace("min = 2", "min = 0"), f"{PRODUCTION}.autoscaling.min", "0", "1 to"),
        (
            "instance_count = 2",
            SCALED.replace(", invocations_per_instance = 100", ""),
            f"{PRODUCTION}.autoscaling.invocations_per_instance",
            "nothing",
            "how many calls a minute",
        ),
        # alarms
        ("instance_count = 2", "alarms = {}", f"{PRODUCTION}.alarms", "an empty table", "at least one of errors_5xx"),
        ("instance_count = 2", "alarms = true", f"{PRODUCTION}.alarms", "true", "a table of errors_5xx_at_most"),
        (
            "instance_count = 2",
            "alarms = { errors_at_most = 1 }",
            f"{PRODUCTION}.alarms.errors_at_most",
            "did you mean 'errors_5xx_at_most'?",
            "errors_5xx_at_most, latency",
        ),
        (
            "instance_count = 2",
            "alarms = { errors_5xx_at_most = -1 }",
            f"{PRODUCTION}.alarms.errors_5xx_at_most",
            "-1",
            "a whole number from 0",
        ),
        (
            "instance_count = 2",
            "alarms = { latency_p90_ms_at_most = 0 }",
            f"{PRODUCTION}.alarms.latency_p90_ms_at_most",
            "0",
            "a whole number from 1",
        ),
        (
            "instance_count = 2",
            "alarms = { silent_for_minutes = 1441 }",
            f"{PRODUCTION}.alarms.silent_for_minutes",
            "1441",
            "a whole number from 1 to 1440",
        ),
        # names
        (
            'name   = "acme"',
            'name = "acme_1"',
            "registry.name",
            "'acme_1'",
            "1 to 63 letters, digits and inner hyphens",
        ),
        ('name   = "acme"', 'name = "-acme"', "registry.name", "'-acme'", "1 to 63 letters, digits and inner hyphens"),
        ('name   = "acme"', 'name = "3com"', "registry.name", "'3com'", "the first a letter"),
        ('name   = "acme"', 'name = ""', "registry.name", "''", "1 to 63 letters, digits and inner hyphens"),
        ('name   = "acme"', 'name = "acmé"', "registry.name", "'acmé'", "1 to 63 letters, digits and inner hyphens"),
        ('name   = "acme"', 'name = "acme\\n"', "registry.name", "'acme\\n'", "1 to 63 letters, digits and inner"),
        ('name   = "acme"', f'name = "{"a" * 65}"', "registry.name", "(65 characters)", "1 to 63 letters, digits"),
        ('"Development", ', '"In Review", ', "registry.stages[0]", "'In Review'", "1 to 63 letters, digits"),
        ("[models.digits]", '[models."di gits"]\n[models.digits]', "models.'di gits'", "'di gits'", "1 to 63 letters"),
        ("[environments.staging]", "[environments.st_g]", "environments.st_g", "'st_g'", "1 to 63 letters"),
        ("log_loss =", '"log#loss" =', "models.digits.gates.'log#loss'", "'log#loss'", "1 to 121 letters"),
        ("log_loss =", '"loss 🔥" =', "models.digits.gates.'loss 🔥'", "'loss 🔥'", "1 to 121 letters"),
        ("log_loss =", '"loss " =', "models.digits.gates.'loss '", "'loss '", "inner spaces"),
        ("log_loss =", '"" =', "models.digits.gates.''", "''", "1 to 121 letters"),
        ("log_loss =", f"{'m' * 122} =", f"models.digits.gates.{'m' * 122}", "(122 characters)", "1 to 121 letters"),
        ('"vision-team"', '" "', "models.digits.owner", "' '", "1 to 256 letters"),
        ('"vision-team"', '"R&D"', "models.digits.owner", "'R&D'", "1 to 256 letters"),
        ('"ml.m5.large"', '"m5.large"', f"{PRODUCTION}.instance_type", "'m5.large'", "such as ml.m5.large"),
        ('"ml.m5.large"', '"ml.m5"', f"{PRODUCTION}.instance_type", "'ml.m5'", "such as ml.m5.large"),
        # people
        ('["ml-platform@example.com"]', '["ml-platform"]', "notifications.email[0]", "'ml-platform'", "e-mail address"),
        ('["ml-platform@example.com"]', '["a@b"]', "notifications.email[0]", "'a@b'", "an e-mail address"),
        ('["ml-platform@example.com"]', '["a@b.io", "a b@c.io"]', "notifications.email[1]", "'a b@c.io'", "an e-mail"),
        ('["ml-platform@example.com"]', '["a@b.io", "a@b.io"]', "notifications.email[1]", "a second time", "only once"),
        ('"modelward/slack"', '""', "notifications.slack.webhook_secret", "''", "a Secrets Manager name"),
        # rules between tables
        (
            '["Development", "Staging", "Production", "Archived"]',
            '["Staging"]',
            "registry.stages",
            "an array of 1",
            "2",
        ),
        ('"Development", ', '"Staging", ', "registry.stages[1]", "'Staging' a second time", "each only once"),
        ('"Development", ', '"staging", ', "registry.stages", "'staging' and 'Staging'", "more than upper and lower"),
        (
            'stage = "Staging"',
            'stage = "Stagign"',
            "environments.staging.stage",
            "did you mean 'Staging'?",
            "Development, ",
        ),
        (
            'stage = "Staging"',
            'stage = "Archived"',
            "environments.staging.stage",
            "where replaced versions go",
            "but the last",
        ),
        (
            'stage = "Staging"',
            'stage = "Production"',
            "environments.production.stage",
            "which environment 'staging' serves already",
            "a stage that no other environment serves",
        ),
        (
            "endpoints.staging]",
            "endpoints.stagin]",
            "models.digits.endpoints.stagin",
            "no environment of that name (did you mean 'staging'?)",
            "staging, production",
        ),
        (
            "[models.digits]",
            '[models.Digits]\nowner = "x"\n[models.digits]',
            "models",
            "'Digits' and 'digits'",
            "more than upper and lower case",
        ),
        (
            "[environments.staging]",
            '[environments.Production]\nstage = "Development"\n[environments.staging]',
            "environments",
            "'Production' and 'production'",
            "more than upper and lower case",
        ),
    ],
)
def test_a_mistake_is_refused_with_key_what_was_found_and_what_is_allowed(
    old: str, new: str, key: str, found: str, allowed: str
):
    error = refusal(edited(old, new))
    problem, _, rule = error.problem.partition("; allowed: ")
    assert error.key == key
    assert problem.startswith(f"registry.toml: {key}: found ")
    assert found in f"{problem};"
    assert allowed in rule
    assert error.next_step == f"Correct {key} in registry.toml."


def test_an_endpoint_without_any_environment_says_where_to_declare_one():
    text = HEAD + '[models.a]\nowner = "x"\n[models.a.endpoints.production]\ninstance_type = "ml.m5.large"\n'
    assert "[environments.<name>]" in refusal(text).problem


@pytest.mark.parametrize("first", ["a-b", "A-b"])
def test_two_endpoints_that_would_get_one_name_are_refused(first: str):
    on_instances = 'instance_type = "ml.m5.large"\n'
    text = (
        f'{HEAD}[environments.c]\nstage = "Development"\n[environments.b-c]\nstage = "Production"\n'
        f'[models.{first}]\nowner = "x"\n[models.{first}.endpoints.c]\n{on_instances}'
        f'[models.a]\nowner = "x"\n[models.a.endpoints.b-c]\n{on_instances}'
    )
    error = refusal(text)
    assert error.key == "models.a.endpoints.b-c"
    assert f"which models.{first}.endpoints.c has too" in error.problem


def test_names_that_only_could_collide_are_taken():
    config.parse(
        f'{HEAD}[environments.c]\nstage = "Development"\n[environments.b-c]\nstage = "Production"\n'
        '[models.a-b]\nowner = "x"\n[models.a-b.endpoints.c]\ninstance_type = "ml.m5.large"\n[models.a]\nowner = "x"\n'
    )


@pytest.mark.parametrize(
    "secret", ["https://hooks.slack.com/services/T000/B000/verysecret", "hooks.slack.com:443/verysecret"]
)
def test_a_webhook_url_is_refused_and_not_repeated(secret: str):
    error = refusal(edited("modelward/slack", secret))
    assert error.key == "notifications.slack.webhook_secret"
    assert "never the URL" in error.problem
    assert "verysecret" not in str(error)


@pytest.mark.parametrize("where", ['"{}"', '{{ webhook_url = "{}" }}', '{{ webhook_secret = ["{}"] }}'])
def test_a_webhook_url_in_the_wrong_place_is_not_repeated_either(where: str):
    slack = where.format("https://hooks.slack.com/services/T000/B000/verysecret")
    error = refusal(edited('{ webhook_secret = "modelward/slack" }', slack))
    assert error.key.startswith("notifications.slack")
    assert "verysecret" not in str(error)


def test_a_long_text_is_not_repeated_in_full():
    error = refusal(edited('"acme"', f'"{"x" * 5000}"'))
    assert "(5000 characters)" in error.problem
    assert len(str(error)) < 400


def test_what_is_there_already_may_be_named():
    text = EXAMPLE.replace('owner = "vision-team"', 'owner = "vision-team"\nexisting = true')
    spec = config.parse(text + '[existing]\nbucket = "ml-artifacts"\nartifacts = ["s3://old/", "s3://lake/churn/v"]\n')
    assert spec.models["digits"].existing
    assert (spec.existing.bucket, spec.existing.key_arn) == ("ml-artifacts", None)
    assert spec.existing.artifacts == ("s3://old/", "s3://lake/churn/v")
    assert spec.existing.table_arn is None


def test_a_table_is_named_by_its_stream():
    table = "arn:aws-cn:dynamodb:cn-north-1:111122223333:table/ml.history_1"
    spec = config.parse(f'{EXAMPLE}[existing]\ntable_stream_arn = "{table}/stream/2026-01-05T12:00:00.000"\n')
    assert spec.existing.table_arn == table


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('bucket = "s3://ml-artifacts"', "existing.bucket"),
        ('key_arn = "arn:aws:kms:eu-west-1:111122223333:alias/ml"', "existing.key_arn"),
        ('topic_arn = "ml-platform"', "existing.topic_arn"),
        ('table_stream_arn = "history"', "existing.table_stream_arn"),
        ('table_stream_arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/history"', "existing.table_stream_arn"),
        ('artifacts = ["old-models/churn"]', "existing.artifacts[0]"),
        ('artifacts = ["s3://old-models/*"]', "existing.artifacts[0]"),
        ('table = "history"', "existing.table"),
    ],
)
def test_what_is_there_already_is_named_as_aws_names_it(line: str, key: str):
    assert refusal(f"{EXAMPLE}[existing]\n{line}\n").key == key


@pytest.mark.parametrize("value", ['"true"', "1", "[]"])
def test_a_switch_is_true_or_false(value: str):
    error = refusal(EXAMPLE.replace('owner = "vision-team"', f'owner = "vision-team"\nexisting = {value}'))
    assert error.key == "models.digits.existing"
    assert "allowed: true or false" in error.problem


def test_groups_that_are_ours_are_placed_by_their_names_and_the_others_nowhere():
    spec = config.parse(HEAD + '[models.a]\nowner = "o"\n[models.b]\nowner = "o"\nexisting = true\n')
    assert spec.owned() == {"acme-registry": ("a",)}
