"""What is around a run: the packages in use, the machine, and the SageMaker job, if it is one."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import packages_distributions, version
from typing import Any

_JOB_ARN, _JOB_NAME = "TRAINING_JOB_ARN", "TRAINING_JOB_NAME"
_KEPT = {"SM_CURRENT_INSTANCE_TYPE": "instance_type", "SM_NUM_GPUS": "gpus", "SM_USER_ENTRY_POINT": "entry_point"}


def packages() -> dict[str, str]:
    """Give the versions of all distributions from which a module has been imported, by name."""
    imported = {name.partition(".")[0] for name in tuple(sys.modules)}
    found = packages_distributions()
    names = {name for root in imported for name in found.get(root, ())}
    return {name: version(name) for name in sorted(names, key=str.lower)}


def hardware() -> dict[str, Any]:
    """Tell what the run was computed on: Python, system, processors, bytes of memory, accelerators that were used."""
    told = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count() or 1,
    }
    if hasattr(os, "sysconf"):
        told["memory_bytes"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        told["accelerators"] = [torch.cuda.get_device_name(each) for each in range(torch.cuda.device_count())]
    return told


def job(environ: Mapping[str, str]) -> dict[str, str]:
    """Tell of the SageMaker training job in which this runs; empty when it is none.

    The platform sets TRAINING_JOB_ARN and TRAINING_JOB_NAME, the training toolkit of the containers the SM_ variables.
    """
    name = environ.get(_JOB_ARN) or environ.get(_JOB_NAME, "")
    told = {"job": name} if name else {}
    return told | {key: environ[variable] for variable, key in _KEPT.items() if environ.get(variable)}


def hyperparameters(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the hyperparameters of the SageMaker training job (SM_HPS); none outside of one."""
    try:
        told = json.loads(environ.get("SM_HPS", "{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
