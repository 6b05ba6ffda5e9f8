"""What is recorded unasked: packages, machine, SageMaker job."""

import platform
from importlib.metadata import version

import numpy as np
import pytest

from modelward.tracking.surroundings import hardware, hyperparameters, job, packages

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/digits-7"


def test_packages_are_those_from_which_something_was_imported():
    found = packages()
    assert found["numpy"] == np.__version__
    assert found["modelward"] == version("modelward")
    assert "zizmor" not in found


def test_the_machine_is_told_with_its_memory_in_bytes():
    found = hardware()
    assert found["python"] == platform.python_version()
    assert found["cpus"] >= 1
    assert found["memory_bytes"] > 2**28


def test_a_training_job_is_told_by_its_arn_or_else_its_name():
    environ = {"TRAINING_JOB_ARN": ARN, "TRAINING_JOB_NAME": "digits-7", "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large"}
    assert job(environ) == {"job": ARN, "instance_type": "ml.m5.large"}
    assert job({"TRAINING_JOB_NAME": "digits-7"}) == {"job": "digits-7"}
    assert job({"HOME": "/root"}) == {}


@pytest.mark.parametrize(("told", "found"), [('{"depth": 3}', {"depth": 3}), ("{", {}), ("[1]", {}), (None, {})])
def test_hyperparameters_are_those_of_the_job(told, found):
    assert hyperparameters({"SM_HPS": told} if told else {}) == found
