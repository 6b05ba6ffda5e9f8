"""Registering a version: check all, upload what is new, create one model package.

The artifact and the metrics go to keys made of their digests, and the request carries a token made of its contents: a
job that is run again uploads the same bytes to the same place and gets the same version.
"""

import hashlib
import json
import math
import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from numbers import Real
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelward.core.errors import InputError
from modelward.core.model_package import (
    BRANCH_KEY,
    DATASET_KEY,
    DIFF_KEY,
    DIRTY_KEY,
    METRIC_KEY,
    OUR_KEY,
    PARENT_KEY,
    RECORD_KEY,
    REQUEST_KEY,
    SHA256_KEY,
    SMOKE_KEY,
    TRAINED_KEY,
    ApprovalStatus,
    Dataset,
    ModelPackage,
)
from modelward.core.names import artifact_prefix, record_key, smoke_key
from modelward.core.provenance import Provenance
from modelward.core.smoke import SmokeTest
from modelward.planning.changes import CreateVersion, Plan, PutText, UploadFile
from modelward.services.archive import inspect_file
from modelward.services.context import Context
from modelward.services.git import CodeState, code_state

MOST_PAIRS = 50
_KEY_LIMIT, _VALUE_LIMIT, _TEXT_LIMIT = 128, 256, 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IMAGE_RULE = "an image URI has 1 to 255 characters and no spaces"


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody wants to register.

    Args:
        artifact: A path, the s3:// URI of an archive that stays where it is, or dvc://PATH@REVISION for one that DVC
            tracks and this folder need not hold.
        image: URI of the serving image, 1 to 255 characters; that of registry.toml when empty.
        metrics: Figures by name; finite numbers.
        dataset: What it was trained on.
        notes: One line of at most 1,024 characters.
        metadata: More pairs to keep; with ours and the metrics at most 50.
        run: Training job, pipeline execution or run that made it.
        content_types: MIME types that the model takes and gives.
        smoke: A sample call that an endpoint must answer before the version counts as verified there.
        record: What is known of the run that made it, as JSON; it is kept beside the artifact.
        environment: Variables that SageMaker sets in the container.
        parent: The number of the version that training went on from; None when it began anew.
        origin: Where DVC says that the artifact comes from; `brought` knows.
    """

    artifact: str | Path
    image: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    dataset: Dataset | None = None
    notes: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    run: str = ""
    content_types: tuple[str, ...] = ("application/json", "text/csv")
    smoke: SmokeTest | None = None
    record: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    parent: int | None = None
    origin: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """An archive that was looked at: where it will be, and what its bytes are."""

    uri: str
    sha256: str
    upload: UploadFile | None = None
    made_at: datetime | None = None


@contextmanager
def brought(context: Context, submission: Submission) -> Iterator[Submission]:
    """Bring the artifact of a `dvc://` URI into a folder that is there as long as the block; leave others as they are.

    Raises:
        InputError: there is no DVC repository here, or it does not tell clearly what is meant.
        IntegrityError: the remote has other bytes than those that DVC tracks.
        NotFoundError: there is no such path, revision, remote or object.
    """
    if not str(submission.artifact).startswith("dvc://"):
        yield submission
        return
    if context.data is None:
        raise InputError("artifact", found=str(submission.artifact), rule="no repository of data is known here")
    with TemporaryDirectory(prefix="modelward-") as folder:
        path = Path(folder) / "model.tar.gz"
        origin = context.data.bring(str(submission.artifact), path, context.storage)
        yield replace(submission, artifact=path, origin=origin)


def plan_registration(context: Context, model: str, submission: Submission) -> tuple[ModelPackage | None, Plan]:
    """Plan to register a version; everything is checked before anything is changed.

    One read looks for a version that was registered with the very same contents.

    Returns:
        That version with an empty plan, or None and the plan: upload, upload of the metrics, CreateModelPackage.

    Raises:
        ArtifactError: the archive is missing, broken or unsafe.
        InputError: metrics, notes, image, dataset, metadata or smoke test are not what SageMaker takes.
        NotFoundError: the model is not declared, the S3 object does not exist, or nothing is deployed here.
    """
    spec = context.model(model)
    submission = replace(submission, image=submission.image or spec.image or "")
    _check(submission)
    code, artifact = code_state(context.folder), _artifact(context, model, submission.artifact)
    origin = submission.origin
    if origin:  # the commit that made it counts, and nobody knows when that was
        code, artifact = _code_of(origin, code), replace(artifact, made_at=None)
    elif context.data:
        origin = context.data.provenance(submission.artifact, submission.dataset)
    submission = replace(submission, record=_with_origin(submission.record, origin))
    metrics_text = _metrics_text(submission.metrics)
    pairs = _pairs(submission, artifact, code, frozenset(spec.gates))
    pairs |= _origin_pairs(origin, MOST_PAIRS - _RESERVED - len(pairs))
    request = _request(context, model, submission, artifact, metrics_text)
    request |= _properties(code, submission.run)
    digest = _digest({**request, "pairs": pairs})
    # What differs each time that a job is run again is no part of what it registers.
    of_run = {TRAINED_KEY: artifact.made_at.isoformat()} if artifact.made_at else {}
    of_run |= {RECORD_KEY: _sha256(submission.record)} if submission.record else {}
    of_run |= {DIFF_KEY: code.diff_sha256} if code.diff_sha256 else {}
    request["CustomerMetadataProperties"] = _checked_pairs({**pairs, **of_run, REQUEST_KEY: digest})
    request["ClientToken"] = str(uuid.UUID(digest[:32]))
    existing = next(context.sagemaker.search_model_packages(model, any_of=[(_REQUEST_PROPERTY, digest)]), None)
    if existing:
        return existing, Plan(f"v{existing.version} of {model} was registered with the very same contents.")
    texts = [*_smoke(context, model, artifact, submission), *_record(context, model, artifact, submission)]
    uploads = [*_uploads(context, model, artifact, metrics_text), *texts]
    return None, Plan(f"Register a version of {model}.", (*uploads, CreateVersion(model, request)))


def registered_before(context: Context, model: str, plan: Plan) -> ModelPackage | None:
    """Find the version that has taken the token of a plan: the same contents, made again before the index knew them.

    A job that is run again packs the same bytes at another time, and SageMaker refuses a token that comes with another
    request. It was taken moments ago, so a look at the newest versions is enough.
    """
    digests = {
        c.request["CustomerMetadataProperties"][REQUEST_KEY] for c in plan.changes if isinstance(c, CreateVersion)
    }
    newest = islice(context.sagemaker.list_model_packages(model), _NEWEST)
    described = (context.sagemaker.describe_model_package(listed.arn) for listed in newest)
    return next((package for package in described if package.metadata.get(REQUEST_KEY) in digests), None)


_NEWEST = 10
_REQUEST_PROPERTY = f"CustomerMetadataProperties.{REQUEST_KEY}"


def _check(submission: Submission) -> None:
    for name, value in submission.metrics.items():
        if not _is_finite(value):
            raise InputError(f"metric {name}", found=repr(value), rule="a metric is a finite number")
    if not submission.image:
        step = 'Give one, or declare it in registry.toml: image = "…" in the table of the model.'
        raise InputError("image", found="none", rule="a version names the image that serves it", next_step=step)
    if not re.fullmatch(r"\S{1,255}", submission.image):
        raise InputError("image", found=repr(submission.image), rule=_IMAGE_RULE)
    _check_text("notes", submission.notes)
    _check_text("run", submission.run)
    if submission.smoke:
        submission.smoke.check()
    if submission.parent is not None and submission.parent < 1:
        raise InputError("parent", found=str(submission.parent), rule="versions are numbered from 1")
    dataset = submission.dataset
    if dataset and not dataset.name:
        raise InputError("dataset", found="no name", rule="a dataset has a name")
    if dataset and dataset.sha256 and not _SHA256.fullmatch(dataset.sha256):
        raise InputError("dataset sha256", found=repr(dataset.sha256), rule="a SHA-256 has 64 hexadecimal digits")


def _is_finite(value: object) -> bool:
    """Tell whether a value is a finite number; those of NumPy are numbers too, booleans are not."""
    try:
        return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(float(value))
    except OverflowError:
        return False


def _check_text(argument: str, text: str) -> None:
    """Hold a text against `EntityDescription`: letters, marks, separators, symbols, numbers, punctuation."""
    bad = next((char for char in text if unicodedata.category(char)[0] == "C"), None)
    if bad is not None:
        raise InputError(argument, found=f"the character {bad!r}", rule="SageMaker keeps one line of printable text")
    if len(text) > _TEXT_LIMIT:
        raise InputError(argument, found=f"{len(text)} characters", rule=f"SageMaker keeps at most {_TEXT_LIMIT}")


def _artifact(context: Context, model: str, artifact: str | Path) -> Artifact:
    if str(artifact).startswith("s3://"):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.tar.gz"
            context.storage.download(str(artifact), path)
            return Artifact(uri=str(artifact), sha256=inspect_file(path, str(artifact)))
    path = Path(artifact)
    sha256 = inspect_file(path)
    bucket, key = context.settings.bucket, f"{artifact_prefix(model)}{sha256}/model.tar.gz"
    state = path.stat()
    upload = UploadFile(path, bucket, key, state.st_size)
    return Artifact(f"s3://{bucket}/{key}", sha256, upload, datetime.fromtimestamp(int(state.st_mtime), UTC))


def _metrics_text(metrics: Mapping[str, float]) -> str:
    return json.dumps({"metrics": {name: {"value": float(value)} for name, value in sorted(metrics.items())}}, indent=1)


def _metrics_key(model: str, artifact: Artifact, text: str) -> tuple[str, str]:
    digest = _sha256(text)
    return f"{artifact_prefix(model)}{artifact.sha256}/metrics-{digest}.json", digest


def _uploads(context: Context, model: str, artifact: Artifact, metrics_text: str) -> list[UploadFile | PutText]:
    key, _ = _metrics_key(model, artifact, metrics_text)
    text = PutText(metrics_text, context.settings.bucket, key)
    return [*([artifact.upload] if artifact.upload else []), text]


def _smoke(context: Context, model: str, artifact: Artifact, submission: Submission) -> list[PutText]:
    """Keep the smoke test beside the artifact, or where one would be that stays somebody else's."""
    test = submission.smoke
    if test is None:
        return []
    return [PutText(test.to_text(), context.settings.bucket, smoke_key(model, artifact.sha256, test.digest))]


def _record(context: Context, model: str, artifact: Artifact, submission: Submission) -> list[PutText]:
    text = submission.record
    key = record_key(model, artifact.sha256, _sha256(text))
    return [PutText(text, context.settings.bucket, key)] if text else []


def _request(
    context: Context, model: str, submission: Submission, artifact: Artifact, metrics_text: str
) -> dict[str, Any]:
    key, digest = _metrics_key(model, artifact, metrics_text)
    types = list(submission.content_types)
    statistics = {
        "ContentType": "application/json",
        "S3Uri": f"s3://{context.settings.bucket}/{key}",
        "ContentDigest": f"sha256:{digest}",
    }
    notes = {"ModelPackageDescription": submission.notes} if submission.notes else {}
    environment = {"Environment": dict(submission.environment)} if submission.environment else {}
    return {
        "ModelPackageGroupName": model,
        **notes,
        "InferenceSpecification": {
            "Containers": [{"Image": submission.image, "ModelDataUrl": artifact.uri, **environment}],
            "SupportedContentTypes": types,
            "SupportedResponseMIMETypes": types,
        },
        "ModelApprovalStatus": ApprovalStatus.PENDING.value,
        "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
    }


def _properties(code: CodeState, run: str) -> dict[str, Any]:
    properties = {"CommitId": code.commit, "Repository": code.repository, "GeneratedBy": run}
    given = {name: value for name, value in properties.items() if value}
    return {"MetadataProperties": given} if given else {}


def _pairs(submission: Submission, artifact: Artifact, code: CodeState, declared: frozenset[str]) -> dict[str, str]:
    ours = [key for key in submission.metadata if key.startswith((OUR_KEY, METRIC_KEY))]
    if ours:
        raise InputError("metadata", found=f"key {ours[0]!r}", rule=f"{OUR_KEY} and {METRIC_KEY} are Modelward's own")
    pairs = {SHA256_KEY: artifact.sha256, BRANCH_KEY: _fitting(code.branch)}
    if code.is_dirty is not None:
        pairs[DIRTY_KEY] = str(code.is_dirty).lower()
    if submission.parent is not None:
        pairs[PARENT_KEY] = str(submission.parent)
    if submission.smoke:
        pairs[SMOKE_KEY] = submission.smoke.digest
    if submission.dataset:
        parts = ("name", "version", "uri", "sha256")
        pairs |= {DATASET_KEY + part: getattr(submission.dataset, part) for part in parts}
    pairs = {**submission.metadata, **{key: value for key, value in pairs.items() if value}}
    return {**pairs, **_metric_pairs(submission.metrics, declared, MOST_PAIRS - _RESERVED - len(pairs))}


def _code_of(origin: Provenance, code: CodeState) -> CodeState:
    is_here = not origin.revision or origin.revision == code.commit
    return code if is_here else CodeState(origin.revision, "", code.repository, is_dirty=False)


def _with_origin(record: str, origin: Provenance | None) -> str:
    if origin is None:
        return record
    told = json.loads(record) if record else {}
    return json.dumps({**told, "dvc": origin.to_json()}, sort_keys=True)


def _origin_pairs(origin: Provenance | None, room: int) -> dict[str, str]:
    """Keep as much of it as there is room for: it was recorded unasked, and the record has all of it."""
    pairs = origin.pairs() if origin else {}
    return dict(islice(pairs.items(), max(room, 0)))


def _fitting(text: str) -> str:
    """Make a text fit into a pair that was recorded unasked: nobody's branch may keep them from registering."""
    return "".join(char if _is_pair_text(char) else "_" for char in text)[:_VALUE_LIMIT]


_STAMPS = 4  # of a stage: entered, decided, because; and the share of a trial
_RESERVED = _STAMPS + 4  # and the digests of request, record and uncommitted changes, and the time of training


def _metric_pairs(metrics: Mapping[str, float], declared: frozenset[str], room: int) -> dict[str, str]:
    """Keep all metrics as pairs if there is room, and those with a gate in any case: the file in S3 has them all."""
    named = {METRIC_KEY + name: repr(float(value)) for name, value in metrics.items()}
    if len(named) <= room and all(_is_pair_text(key) and len(key) <= _KEY_LIMIT for key in named):
        return named
    return {key: value for key, value in named.items() if key.removeprefix(METRIC_KEY) in declared}


def _checked_pairs(pairs: Mapping[str, str]) -> dict[str, str]:
    if len(pairs) > MOST_PAIRS - _STAMPS:
        rule = f"SageMaker keeps at most {MOST_PAIRS} pairs, and Modelward needs {_RESERVED} of them"
        raise InputError("metadata", found=f"{len(pairs)} pairs with metrics, dataset and ours", rule=rule)
    for key, value in pairs.items():
        _check_pair_text(f"metadata key {key!r}", key, _KEY_LIMIT)
        _check_pair_text(f"metadata {key}", value, _VALUE_LIMIT)
    return dict(pairs)


def _check_pair_text(argument: str, text: str, limit: int) -> None:
    if not 1 <= len(text) <= limit:
        raise InputError(argument, found=f"{len(text)} characters", rule=f"SageMaker takes 1 to {limit}")
    if not _is_pair_text(text):
        bad = next(char for char in text if not _is_pair_text(char))
        rule = "SageMaker takes letters, digits, spaces and _ . : / = + - @ in metadata"
        raise InputError(argument, found=f"the character {bad!r}", rule=rule)


def _is_pair_text(text: str) -> bool:
    return all(char in "_.:/=+-@" or unicodedata.category(char)[0] in "LZN" for char in text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(contents: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:32]
