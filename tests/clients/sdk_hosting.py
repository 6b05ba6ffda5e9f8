"""Endpoints by the SageMaker SDK, in an environment that has nothing else: OUT ROLE VERSION VERSION.

Writes what it was told to the file OUT, as JSON. Not a test, but what one runs.
"""

import json
import sys
from pathlib import Path
from typing import Any

from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, DesiredWeightAndCapacity, ProductionVariant

NAME = "sdk-digits"


def prepare(name: str, role: str, version: str) -> None:
    container = ContainerDefinition(model_package_name=version)
    model = Model.create(model_name=name, primary_container=container, execution_role_arn=role)
    variant = ProductionVariant(
        variant_name="all",
        model_name=model.model_name,
        initial_instance_count=1,
        instance_type="ml.m5.large",
        initial_variant_weight=1.0,
    )
    EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])


def predict(endpoint: Endpoint) -> Any:
    answer = endpoint.invoke(body="[1, 2, 3]", content_type="application/json", accept="application/json")
    return json.loads(answer.body.read())


def in_service(endpoint: Endpoint) -> list[Any]:
    endpoint.wait_for_status("InService", poll=1, timeout=60)
    (variant,) = endpoint.production_variants
    return [endpoint.endpoint_config_name, variant.current_instance_count, predict(endpoint)]


def left() -> list[str]:
    return [
        *(each.endpoint_name for each in Endpoint.get_all(name_contains=NAME)),
        *(each.endpoint_config_name for each in EndpointConfig.get_all(name_contains=NAME)),
        *(each.model_name for each in Model.get_all(name_contains=NAME)),
    ]


def main(out: str, role: str, *versions: str) -> None:
    names = [f"{NAME}-{number}" for number in range(len(versions))]
    for name, version in zip(names, versions, strict=True):
        prepare(name, role, version)
    endpoint = Endpoint.create(endpoint_name=NAME, endpoint_config_name=names[0])
    facts = {"created": in_service(endpoint)}

    endpoint.endpoint_config_name = names[1]  # what its update() takes the configuration from
    endpoint.update()
    facts["updated"] = in_service(endpoint)

    endpoint.update_weights_and_capacities(
        desired_weights_and_capacities=[DesiredWeightAndCapacity(variant_name="all", desired_instance_count=2)]
    )
    facts["scaled"] = in_service(endpoint)

    facts["before"] = left()
    endpoint.delete()
    endpoint.wait_for_delete(poll=1, timeout=60)
    for name in names:
        EndpointConfig.get(endpoint_config_name=name).delete()
        Model.get(model_name=name).delete()
    facts["after"] = left()
    Path(out).write_text(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
