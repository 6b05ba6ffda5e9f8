"""The JSON Schema for editors says what the reader says, as far as JSON Schema can."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from modelward import config
from modelward.config.document import read
from modelward.core.errors import ConfigError

ROOT = Path(__file__).parents[3]
SCHEMA = config.json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

Raw = dict[str, Any]


def is_read(raw: object) -> bool:
    try:
        read(raw, "registry.toml")
    except ConfigError:
        return False
    return True


# jsonschema runs patterns with Python's `re`, whose `$` also matches before a last newline; editors follow ECMA-262.
def not_before_newline(text: str) -> bool:
    return not text.endswith("\n")


ascii_texts = st.text(st.characters(max_codepoint=127), max_size=8).filter(not_before_newline)
any_texts = st.text(max_size=8).filter(not_before_newline)
# 2.0 is an integer to JSON Schema, and not to us: TOML keeps the two apart, and so does whoever writes 2.0.
floats = st.floats(-1e6, 1e6).map(lambda x: x + 0.1).filter(lambda x: not x.is_integer())
telling = st.sampled_from(
    [0, 1, -1, 0.5, 200, 201, 1000, 2048, 7168, "lower", "on-approval", "a@b.io", "a@b", "team/slack", "ml.p3.2xlarge"]
)
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
HEADING = {"name": "acme", "group_stacks": 2, "stages": ["Development", "Production", "Archived"]}


def complete() -> Raw:
    """A right declaration in which each key occurs."""
    gate = {"at_least": 0, "at_most": 1.5, "worse_than_live_by_at_most": 0.1, "better": "higher"}
    return {
        "registry": dict(HEADING),
        "environments": {"production": {"stage": "Production", "enter": "on-promotion"}},
        "models": {
            "digits": {
                "owner": "vision-team",
                "existing": True,
                "gates": {"accuracy": gate, "log loss": {"at_most": 1, "worse_than_live_by_at_most": 0}},
                "endpoints": {
                    "production": {
                        "instance_type": "ml.m5.large",
                        "instance_count": 2,
                        "network_isolation": True,
                        "volume_key_arn": KEY,
                        "vpc": {"subnets": ["subnet-0a1b2c3d"], "security_groups": ["sg-0a1b2c3d4e5f67890"]},
                        "data_capture": {"percent": 10, "only": "requests"},
                        "alarms": {"errors_5xx_at_most": 1, "latency_p90_ms_at_most": 500, "silent_for_minutes": 30},
                    },
                    "canary": {
                        "instance_type": "ml.m5.large",
                        "autoscaling": {
                            "min": 1,
                            "max": 4,
                            "invocations_per_instance": 100,
                            "scale_in_cooldown_s": 300,
                            "scale_out_cooldown_s": 60,
                        },
                    },
                    "staging": {"serverless": {"memory_mb": 2048, "max_concurrency": 5}},
                },
            }
        },
        "notifications": {"email": ["ml@example.com"], "slack": {"webhook_secret": "modelward/slack"}},
        "existing": {
            "bucket": "ml-artifacts",
            "key_arn": KEY,
            "topic_arn": "arn:aws-us-gov:sns:us-gov-west-1:111122223333:ml",
            "table_stream_arn": "arn:aws:dynamodb:eu-west-1:111122223333:table/history/stream/2026-01-05T12:00:00.000",
            "artifacts": ["s3://old-models/churn/"],
            "artifact_key_arns": [KEY],
        },
    }


def tables(raw: object) -> list[Raw]:
    if not isinstance(raw, dict):
        return []
    return [raw, *(table for each in raw.values() for table in tables(each))]


@st.composite
def declarations(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Raw:
    """Spoil a right declaration in up to three places: a key lost, renamed, added, or its value replaced."""
    flat = telling | texts | st.booleans() | st.integers(-(2**63), 2**63) | floats
    values = flat | st.lists(flat, max_size=3) | st.dictionaries(texts, flat, max_size=2)
    raw = complete()
    for _ in range(draw(st.integers(0, 3))):
        table = draw(st.sampled_from(tables(raw)))
        key = draw(st.sampled_from([*table, ""]))
        old = table.pop(key, None)
        match draw(st.sampled_from(["lose", "rename", "replace", "replace", "replace"])):
            case "rename":
                table[draw(texts)] = old if old is not None else draw(values)
            case "replace":
                table[key] = draw(values)
    return raw


@settings(max_examples=400)
@given(declarations(ascii_texts))
def test_schema_and_reader_agree_on_every_declaration(raw: Raw):
    assert VALIDATOR.is_valid(raw) == is_read(raw)


@given(declarations(any_texts))
def test_whatever_the_reader_takes_the_schema_takes(raw: Raw):
    assert VALIDATOR.is_valid(raw) or not is_read(raw)


keys = ["at_least", "at_most", "worse_than_live_by_at_most", "better"]


@pytest.mark.parametrize("mask", range(16))
def test_schema_and_reader_agree_on_every_set_of_keys_of_a_gate(mask: int):
    gate: Raw = {key: "lower" if key == "better" else 1 for i, key in enumerate(keys) if mask >> i & 1}
    raw = {"registry": HEADING, "models": {"m": {"owner": "o", "gates": {"g": gate}}}}
    assert VALIDATOR.is_valid(raw) == is_read(raw)


@pytest.mark.parametrize("mask", range(8))
def test_schema_and_reader_agree_on_every_set_of_keys_of_an_endpoint(mask: int):
    full: Raw = {
        "serverless": {"memory_mb": 1024, "max_concurrency": 1},
        "instance_type": "ml.m5.large",
        "instance_count": 1,
    }
    endpoint = {key: value for i, (key, value) in enumerate(full.items()) if mask >> i & 1}
    raw = {"registry": HEADING, "models": {"m": {"owner": "o", "endpoints": {"e": endpoint}}}}
    assert VALIDATOR.is_valid(raw) == is_read(raw)


def test_a_complete_declaration_is_taken_by_both():
    assert VALIDATOR.is_valid(complete())
    assert is_read(complete())


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def walk(schema: Raw) -> list[Raw]:
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return [schema, *(each for part in inner if isinstance(part, dict) for each in walk(part))]


def test_every_key_is_described_and_no_table_takes_unknown_ones():
    properties = [(name, key) for part in walk(SCHEMA) for name, key in part.get("properties", {}).items()]
    assert {"memory_mb", "stages", "better", "webhook_secret"} <= {name for name, _ in properties}
    for name, key in properties:
        assert re.fullmatch(r"\S.*\.", key["description"]), name
    assert all("additionalProperties" in part for part in walk(SCHEMA) if part.get("type") == "object")


def test_defaults_are_told():
    environment = SCHEMA["properties"]["environments"]["additionalProperties"]
    assert environment["properties"]["enter"]["default"] == "on-promotion"
    model = SCHEMA["properties"]["models"]["additionalProperties"]
    endpoint = model["properties"]["endpoints"]["additionalProperties"]
    assert endpoint["properties"]["instance_count"]["default"] == 1
    json.dumps(SCHEMA)


def test_the_schema_beside_the_declaration_is_current():
    """To renew it: python -m modelward.config > registry.schema.json."""
    assert (ROOT / "registry.schema.json").read_text(encoding="utf-8") == config.schema_text()


@pytest.mark.parametrize("text", [config.starter(), (ROOT / "registry.toml").read_text()])
def test_editors_find_the_schema_and_it_holds(text: str):
    import tomllib

    assert text.startswith("#:schema ./registry.schema.json\n")
    VALIDATOR.validate(tomllib.loads(text))
