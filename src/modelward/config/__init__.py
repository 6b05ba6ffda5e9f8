"""The declaration of a registry (`registry.toml`) and the settings of its deployment.

One definition drives everything: the annotated dataclasses of `spec.py` (and of `document.py`, the layout of the file).
`shapes.py` turns their annotations into objects that can do two things, read a raw value and write their own JSON
Schema; so a key, its range and its description are told once. What JSON Schema cannot say, because it concerns more
than one table, is in `checks.py`. `load.py` goes from a file to a checked `RegistrySpec`; nothing unchecked comes out.

Why not pydantic or jsonschema: functions read the declaration at each cold start, and their zip holds neither compiled
code, which would tie it to one processor and one Python, nor a megabyte of validator. And a refusal must name file,
key, what was found and what is allowed, in one voice: that is `ConfigError`, and most of the code here either way.

The first mistake is reported, not all: a misspelt key makes others, and a person corrects one at a time.
"""

from modelward.config.document import json_schema, schema_text
from modelward.config.load import FILE_NAME, find, load, parse, starter
from modelward.config.settings import Settings
from modelward.config.spec import (
    AccessSpec,
    AlarmSpec,
    AsynchronousSpec,
    AutoscalingSpec,
    CaptureSpec,
    EndpointSpec,
    Enter,
    EnvironmentSpec,
    ExistingSpec,
    Gate,
    ModelAccessSpec,
    ModelSpec,
    NotificationSpec,
    RegistrySpec,
    RolloutSpec,
    Serverless,
    Slack,
    Strategy,
    VpcSpec,
)

__all__ = [
    "FILE_NAME",
    "AccessSpec",
    "AlarmSpec",
    "AsynchronousSpec",
    "AutoscalingSpec",
    "CaptureSpec",
    "EndpointSpec",
    "Enter",
    "EnvironmentSpec",
    "ExistingSpec",
    "Gate",
    "ModelAccessSpec",
    "ModelSpec",
    "NotificationSpec",
    "RegistrySpec",
    "RolloutSpec",
    "Serverless",
    "Settings",
    "Slack",
    "Strategy",
    "VpcSpec",
    "find",
    "json_schema",
    "load",
    "parse",
    "schema_text",
    "starter",
]
