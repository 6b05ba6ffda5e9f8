"""Instance types are checked when the stacks are made."""

import pytest

from modelward.core.errors import ConfigError
from modelward_infra.instances import known_instance_types


def test_a_type_that_sagemaker_does_not_have_is_refused_with_what_was_probably_meant(synthesize) -> None:
    text = synthesize.declare("digits").replace("ml.m5.large", "ml.m5.lrage")
    with pytest.raises(
        ConfigError, match=r"found 'ml.m5.lrage' \(did you mean .*ml.m5.large.*\); allowed: an inst"
    ) as told:
        synthesize(text)
    assert told.value.key == "models.digits.endpoints.production.instance_type"


def test_the_known_types_are_those_that_boto3_knows() -> None:
    import botocore.session

    model = botocore.session.Session().get_service_model("sagemaker")
    assert known_instance_types() == set(model.shape_for("ProductionVariantInstanceType").enum)
    assert "ml.m5.large" in known_instance_types()
