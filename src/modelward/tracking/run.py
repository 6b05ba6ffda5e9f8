"""A training run, from its first parameter to the version that it registers."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelward.core.errors import AccessError, InputError
from modelward.core.model_package import Dataset
from modelward.services.datasets import digest_of
from modelward.services.registry import Model, Version
from modelward.tracking import surroundings
from modelward.tracking.packing import Packed, pack
from modelward.tracking.progress import uploading

_PLAIN = (str, int, float, bool, type(None))
_CONTAINER = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
"""Where SageMaker's framework containers find the code of an archive."""


class Run:
    """What a training script was told to do, what came of it, and what it ran on.

    Made by `modelward.track`; what is recorded unasked is read when the version is registered.
    """

    def __init__(self, line: Model, environ: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        """Begin to record; nothing but digests of data in S3 is asked of AWS before a version is registered."""
        self.parameters: dict[str, Any] = surroundings.hyperparameters(environ)
        self.metrics: dict[str, float] = {}
        self.datasets: list[Dataset] = []
        self._line, self._clock = line, clock
        self._job = surroundings.job(environ)
        self._started_at = clock()

    def log_parameters(self, parameters: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Record what the training was told: by name, values that JSON knows; others are spelled as Python does."""
        for name, value in {**(parameters or {}), **more}.items():
            self.parameters[name] = value if isinstance(value, _PLAIN) else str(value)

    def log_metrics(self, metrics: Mapping[str, float] | None = None, /, **more: float) -> None:
        """Record what came of it: figures by name; the last one of a name counts."""
        self.metrics |= {**(metrics or {}), **more}

    def log_dataset(self, name: str, path: str | Path = "", *, version: str = "", uri: str = "") -> Dataset:
        """Record what it was trained on; the first one is shown with the version.

        Args:
            name: What people call it.
            path: The file or folder here; its digest is computed.
            version: Which state of it: a number, date or tag.
            uri: Where it lies; the path when left out. Without a path the digest of data in S3 (`s3://BUCKET/KEY` of an
                object or a folder) is computed of what S3 lists: names, sizes and ETags, see `Model.data_digest`. Who
                may not list the bucket records no digest.

        Raises:
            InputError: there is nothing at the path or URI, or no file in it.
            NotFoundError: there is no such bucket.
        """
        sha256 = digest_of(Path(path)) if path else self._digest_in_s3(uri)
        dataset = Dataset(name, version, uri or (Path(path).resolve().as_uri() if path else ""), sha256)
        self.datasets.append(dataset)
        return dataset

    def _digest_in_s3(self, uri: str) -> str:
        try:
            return self._line.data_digest(uri) if uri.startswith("s3://") else ""
        except AccessError:  # to read what one trains on asks for no right to list it
            return ""

    def register(
        self,
        model: Any,
        *,
        sample: Any = None,
        image: str = "",
        code: Sequence[str | Path] = (),
        notes: str = "",
        is_smoke_tested: bool = True,
        parent: int | None = None,
    ) -> Version:
        """Pack a model so that it can be served, and register it with all that was recorded.

        Args:
            model: An object of scikit-learn, XGBoost, LightGBM, PyTorch, TensorFlow or ONNX, anything else that pickles
                and predicts, the path of a file of one, or a model.tar.gz, which is registered as it is.
            sample: A few rows as the model takes them: they tell its schema, and are its smoke test. Not needed for an
                archive.
            image: URI of the serving image; that of registry.toml when left out.
            code: Files and folders that the model needs to import where it is served.
            notes: One line of at most 1,024 characters.
            is_smoke_tested: Whether every endpoint must give the answer to the sample that it gave here.
            parent: The number of the version that training went on from.

        Raises:
            ArtifactError: an archive is missing, broken or unsafe.
            InputError: the model cannot be written, does not answer the sample, or is not what SageMaker takes.
            NotFoundError: the model is not declared, or the registry is not deployed here.
            AwsError: AWS refused; call again, nothing is registered twice.
        """
        given: dict[str, Any] = {
            "image": image,
            "metrics": self.metrics,
            "notes": notes,
            "run": self._job.get("job", ""),
            "parent": parent,
        }
        given |= {"dataset": self.datasets[0] if self.datasets else None}
        with TemporaryDirectory(prefix="modelward-") as folder:
            artifact, schema = model, dict[str, Any]()
            if not _is_archive(model):
                packed = self._packed(model, sample, Path(folder), code)
                artifact, schema = packed.archive, dict(packed.schema)
                given |= {"smoke": packed.smoke if is_smoke_tested else None, "environment": _CONTAINER}
            with uploading(f"uploading {self._line.name}", sys.stderr) as progress:
                return self._line.register(artifact, **given, record=self._record(schema), progress=progress)

    def _packed(self, model: Any, sample: Any, folder: Path, code: Sequence[str | Path]) -> Packed:
        if sample is None:
            rule = "a few rows tell what the model takes, and are tried before it is registered"
            raise InputError("sample", found="none", rule=rule, next_step="Give some: register(model, sample=X[:5]).")
        for name, value in _told_by(model).items():
            self.parameters.setdefault(name, value)
        return pack(model, sample, folder, code)

    def _record(self, schema: Mapping[str, Any]) -> str:
        """Spell all that is known of the run as JSON."""
        told = {
            "parameters": self.parameters,
            "metrics": {name: float(value) for name, value in self.metrics.items()},
            "datasets": [asdict(each) for each in self.datasets],
            "schema": dict(schema),
            "packages": surroundings.packages(),
            "hardware": surroundings.hardware(),
            "job": self._job,
            "duration_s": round((self._clock() - self._started_at).total_seconds(), 3),
        }
        return json.dumps(told, sort_keys=True, default=str)


def _is_archive(model: Any) -> bool:
    return isinstance(model, str | Path) and str(model).endswith((".tar.gz", ".tgz"))


def _told_by(model: Any) -> dict[str, Any]:
    """Give the parameters that a model tells of itself, as estimators with scikit-learn's interface do."""
    if not hasattr(model, "get_params") or isinstance(model, type):
        return {}
    told = model.get_params(deep=True)
    return {name: value for name, value in told.items() if isinstance(value, _PLAIN)}
