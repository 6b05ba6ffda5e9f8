"""Lineage: what a version came from, and what came of data or code."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from modelward.core.errors import AccessError, InputError, NotFoundError
from modelward.core.model_package import DATASET_KEY, DIFF_KEY, SHA256_KEY, Dataset, ModelPackage
from modelward.planning.lineage import Graph, Served, lineage_of, reach_of
from modelward.services import reading
from modelward.services.context import Context
from modelward.services.record import record_of
from modelward.services.status import status

_SHA256 = re.compile(r"sha256:([0-9a-f]{64})")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_WHOLE_COMMITS = (40, 64)  # of SHA-1 and of SHA-256
_MOST_FOLDERS = 9  # with and without a slash at the end, they and the URI fit into the 20 filters of one list
COMMIT_ID = "MetadataProperties.CommitId"


def lineage(context: Context, model: str, version: int) -> Graph:
    """Read where a version came from, and which environments serve it or did.

    It costs a read of the version, its ledger and its record, and what `status` costs.

    Raises:
        IntegrityError: the record of its run is not what was registered.
        NotFoundError: there is no such model, version or deployment.
        AwsError: AWS refused a call.
    """
    package = reading.describe(context, model, version)
    chain = context.ledger.chain(model, version)
    return lineage_of(package, datasets_of(context, package), replace(_served(context, [model]), chain=chain))


def _served(context: Context, models: Iterable[str]) -> Served:
    """Look where models serve, as far as the caller may: who registers versions may not look at endpoints."""
    try:
        return Served(context.spec, [each for name in models for each in status(context, name)])
    except AccessError as error:
        return Served(context.spec, (), note=f"what serves now is not known: {error.problem}")


def datasets_of(context: Context, package: ModelPackage) -> Sequence[Dataset]:
    """Give all data that a version was trained on: from its run's record, else the one that stands on it.

    Raises:
        IntegrityError: the record is not what was registered.
        AwsError: AWS refused a call.
    """
    try:
        recorded = _recorded(record_of(context, package)) if package.record else []
    except (AccessError, NotFoundError):  # what stands on the version can be told without
        recorded = []
    return recorded or [data for data in [package.lineage.dataset] if data]


def _recorded(record: Any) -> list[Dataset]:
    """Read the datasets of a record, which is whatever somebody registered, of other make maybe."""
    told = record.get("datasets") if isinstance(record, dict) else None
    known = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return [Dataset(*(str(each.get(part, "")) for part in ("name", "version", "uri", "sha256"))) for each in known]


def reach(context: Context, origin: str) -> Graph:
    """Find the versions of all declared models that came of something, and the environments that serve them now.

    It costs one search, and for each model that has such a version what `status` costs. The index may lag by moments.

    Args:
        context: Gateways.
        origin: The URI of data, or of an object in a folder that versions were trained on; a commit, 7 digits or more;
            or `sha256:` and the digest of data, of an artifact or of uncommitted changes.

    Raises:
        InputError: it is none of these.
        AwsError: AWS refused a call.
    """
    found = context.sagemaker.find_model_packages(*_filters(origin))
    packages = [each for each in found if each.group in context.spec.models and _is_of(each, origin)]
    models = dict.fromkeys(each.group for each in packages)
    return reach_of(origin, packages, _served(context, models))


def _is_of(package: ModelPackage, origin: str) -> bool:
    """Tell whether a commit that contains the digits begins with them; what is no commit was found by its equal."""
    return package.commit.startswith(origin) or not _COMMIT.fullmatch(origin)


def _filters(origin: str) -> tuple[str, list[tuple[str, str]]]:
    """Choose by which properties versions are found: the operator, and names with values of which one must hold."""
    if digest := _SHA256.fullmatch(origin):
        keys = (DATASET_KEY + "sha256", SHA256_KEY, DIFF_KEY)
        return "Equals", [(f"CustomerMetadataProperties.{key}", digest[1]) for key in keys]
    if "://" in origin:
        return "Equals", [(f"CustomerMetadataProperties.{DATASET_KEY}uri", each) for each in _places(origin)]
    if _COMMIT.fullmatch(origin):
        return "Equals" if len(origin) in _WHOLE_COMMITS else "Contains", [(COMMIT_ID, origin)]
    rule = "it is a URI of data, a commit of 7 digits or more, or sha256: and 64 hexadecimal digits"
    raise InputError("--of", found=repr(origin), rule=rule)


def _places(uri: str) -> list[str]:
    """Give the URI and those of the folders around it, next first, each with and without a slash at the end."""
    scheme, _, path = uri.rstrip("/").partition("://")
    parts = path.split("/")
    ends = range(len(parts), max(0, len(parts) - _MOST_FOLDERS), -1)
    return [f"{scheme}://{'/'.join(parts[:end])}{slash}" for end in ends for slash in ("", "/")]
