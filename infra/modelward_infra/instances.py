"""Instance types of SageMaker, as the installed botocore knows them.

A misspelt type is found when the stacks are made, not when a version is promoted. Not in `config`, where the file is
read: functions and training jobs read it too, and an endpoint must not stop because their botocore is older than its
type. The service's model is a file, and is read as one: synthesis needs no botocore otherwise.
"""

import gzip
import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from modelward.config import RegistrySpec
from modelward.core.errors import ConfigError


def check_instance_types(spec: RegistrySpec, file: str) -> None:
    """Refuse instance types that SageMaker does not host endpoints on.

    Args:
        spec: What is declared.
        file: Where; the message names it.

    Raises:
        ConfigError: the first endpoint, by model and environment, whose type is unknown.
    """
    for model in spec.models.values():
        for environment, endpoint in model.endpoints.items():
            if endpoint.instance_type is not None and endpoint.instance_type not in known_instance_types():
                key = f"models.{model.name}.endpoints.{environment}.instance_type"
                raise _unknown(endpoint.instance_type, file, key)


@cache
def known_instance_types() -> frozenset[str]:
    """Give the types of `ProductionVariantInstanceType`; botocore is there, because boto3 is what we stand on."""
    origin = cast("str", cast("ModuleSpec", find_spec("botocore")).origin)
    [*_, newest] = sorted(Path(origin).parent.glob("data/sagemaker/*/service-2.json.gz"))
    model: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = json.loads(gzip.decompress(newest.read_bytes()))
    return frozenset(model["shapes"]["ProductionVariantInstanceType"]["enum"])


def _unknown(name: str, file: str, key: str) -> ConfigError:
    near = get_close_matches(name, known_instance_types(), n=3)
    meant = f" (did you mean {', '.join(near)}?)" if near else ""
    return ConfigError(
        file,
        key,
        found=f"{name!r}{meant}",
        allowed="an instance type of ProductionVariant in the SageMaker API; a newer one needs a newer botocore",
    )
