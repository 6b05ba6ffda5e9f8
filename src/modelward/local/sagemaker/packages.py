"""Model packages: versions of a group, and the unversioned ones beside them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from modelward.local.sagemaker.errors import ApiError, conflict, does_not_exist, invalid
from modelward.local.sagemaker.groups import Group, Groups
from modelward.local.sagemaker.interface import Caller
from modelward.local.sagemaker.listing import Order, Shelf, behind_cursor, is_within, page, read_token
from modelward.local.sagemaker.scope import Happening, Scope, epoch_ms
from modelward.local.sagemaker.search_index import SearchIndex
from modelward.local.sagemaker.sharing import owner_of
from modelward.local.sagemaker.tags import Tags

KIND = "ModelPackage"
EVENT = "SageMaker Model Package State Change"
METADATA_LIMIT = 50
SPECIFICATION_LIMIT = 15
PENDING = "PendingManualApproval"

# Request members that are not stored under their own name.
_NOT_STORED = frozenset({"ModelPackageName", "ModelPackageGroupName", "ClientToken", "Tags"})
# What a clone has of its original.
_CLONED = ("InferenceSpecification", "AdditionalInferenceSpecifications", "SourceAlgorithmSpecification")
# What an update may set as a whole. Everything else is fixed at creation.
_REPLACED = (
    "ModelLifeCycle",
    "ModelApprovalStatus",
    "ApprovalDescription",
    "SourceUri",
    "InferenceSpecification",
    "ModelPackageRegistrationType",
)
# How the event spells what was updated; the guide has the lower-case s.
_EVENT_SPELLING = {"SourceUri": "sourceUri"}
_IN_EVENTS = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "ApprovalDescription",
    "MetadataProperties",
    "ModelMetrics",
    "CustomerMetadataProperties",
    "ModelLifeCycle",
)
# The changes that lineage keeps as actions.
_ACTIONS = {"ModelApprovalStatus": Happening.APPROVAL, "ModelLifeCycle": Happening.LIFE_CYCLE}
_STATUS_DETAILS: Mapping[str, list[Any]] = {"ValidationStatuses": [], "ImageScanStatuses": []}


@dataclass(frozen=True, slots=True)
class Package:
    """A model package as it is at one moment: a change makes a new one."""

    arn: str
    name: str
    group: str | None
    version: int | None
    created_at: datetime
    created_by: Mapping[str, Any]
    fields: Mapping[str, Any]
    modified_at: datetime
    modified_by: Mapping[str, Any] | None = None
    status: str = "Completed"

    @property
    def _key(self) -> dict[str, Any]:
        if self.group is None:
            return {"ModelPackageName": self.name}
        return {"ModelPackageGroupName": self.group, "ModelPackageVersion": self.version}

    @property
    def tagged_arn(self) -> str:
        """The ARN whose tags are its tags: a version takes its group's."""
        if self.group is None:
            return self.arn
        return self.arn.rpartition("/")[0].replace(":model-package/", ":model-package-group/")

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeModelPackage, which has no ModelPackageName for a version."""
        who = {"LastModifiedBy": self.modified_by} if self.modified_by else {}
        return {
            **self._key,
            "ModelPackageArn": self.arn,
            **self.fields,
            "CreationTime": self.created_at,
            "CreatedBy": self.created_by,
            "LastModifiedTime": self.modified_at,
            **who,
            "ModelPackageStatus": self.status,
            "ModelPackageStatusDetails": _STATUS_DETAILS,
        }

    def describe_metadata(self) -> dict[str, Any]:
        """Return the answer of DescribeModelPackage with IncludedData=MetadataOnly: the card's content is blank."""
        answer = self.describe()
        if "ModelCard" in answer:
            answer["ModelCard"] = {**answer["ModelCard"], "ModelCardContent": ""}
        return answer

    def summary(self) -> dict[str, Any]:
        """Return an entry of ListModelPackages, which has no ModelPackageName for a version."""
        shown = ("ModelPackageDescription", "ModelApprovalStatus", "ModelLifeCycle", "ModelPackageRegistrationType")
        return {
            **self._key,
            "ModelPackageArn": self.arn,
            "CreationTime": self.created_at,
            "ModelPackageStatus": self.status,
            **self._chosen(shown),
        }

    def batch_summary(self) -> dict[str, Any]:
        """Return an entry of BatchDescribeModelPackage, which lacks metadata, metrics, life cycle and card."""
        shown = (
            "ModelPackageDescription",
            "InferenceSpecification",
            "ModelApprovalStatus",
            "ModelPackageRegistrationType",
        )
        named = {"ModelPackageGroupName": self.group or self.name}
        version = {"ModelPackageVersion": self.version} if self.version else {}
        return {
            **named,
            **version,
            "ModelPackageArn": self.arn,
            "CreationTime": self.created_at,
            "ModelPackageStatus": self.status,
            **self._chosen(shown),
        }

    def event_detail(self, updated: list[str]) -> dict[str, Any]:
        """Return the detail of a state change event; it does not say who acted."""
        changed = {"UpdatedModelPackageFields": updated} if updated else {}
        return {
            **self._key,
            "ModelPackageArn": self.arn,
            "CreationTime": epoch_ms(self.created_at),
            **self._chosen(_IN_EVENTS),
            "ModelPackageStatus": self.status,
            "ModelPackageStatusDetails": _STATUS_DETAILS,
            **changed,
            "LastModifiedTime": epoch_ms(self.modified_at),
        }

    def _chosen(self, members: tuple[str, ...]) -> dict[str, Any]:
        return {member: self.fields[member] for member in members if member in self.fields}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What packages are taken from beside themselves.

    `borrow` finds a package of another account by its ARN; `specification_of` tells how the model of an ARN infers, as
    an InferenceSpecification.
    """

    borrow: Callable[[str], Package]
    specification_of: Callable[[str], dict[str, Any]]


class Packages:
    """The model packages of an account and region."""

    def __init__(self, scope: Scope, groups: Groups, tags: Tags, index: SearchIndex, elsewhere: Elsewhere) -> None:
        self._scope = scope
        self._groups = groups
        self._tags = tags
        self._index = index
        self._elsewhere = elsewhere
        self._shelf: Shelf[Package] = Shelf()
        self._versioned = Order()
        self._unversioned = Order()
        self._tokens: dict[tuple[str, str], tuple[int, str]] = {}

    # Creating

    def create(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateModelPackage."""
        return self._once("create", request, lambda: self._create(request, caller))

    def _once(self, what: str, request: Mapping[str, Any], perform: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Perform a request, unless its token says that it was."""
        token = request.get("ClientToken")
        if token is None:
            return perform()
        content = hash(repr(sorted(request.items())))
        if (what, token) not in self._tokens:
            self._tokens[what, token] = (content, perform()["ModelPackageArn"])
        first_content, arn = self._tokens[what, token]
        if content != first_content:
            raise conflict(f"The client token {token} was used before with other parameters, for {arn}.")
        return {"ModelPackageArn": arn}

    def _create(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        group_name, name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
        if group_name and name:
            raise invalid(
                "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
                "Cannot determine which one to use."
            )
        if not group_name and not name:
            raise invalid("Missing ARN.")
        fields = self._initial_fields(request)
        if group_name:
            return self._create_version(self._groups.find(group_name), fields, request, caller)
        return self._create_unversioned(request["ModelPackageName"], fields, request, caller)

    def _initial_fields(self, request: Mapping[str, Any]) -> dict[str, Any]:
        fields = {key: value for key, value in request.items() if key not in _NOT_STORED}
        fields.setdefault("CertifyForMarketplace", False)
        if "InferenceSpecification" not in fields:
            fields |= self._from_source(fields.get("SourceUri", ""))
        if not {"InferenceSpecification", "SourceAlgorithmSpecification", "SourceUri"} & fields.keys():
            raise invalid("One of InferenceSpecification, SourceAlgorithmSpecification or SourceUri must be specified.")
        _check_specification_names(fields.get("AdditionalInferenceSpecifications", ()))
        return fields

    def _from_source(self, uri: str) -> dict[str, Any]:
        """Return what is taken from the package that is cloned or the model that is registered, if `uri` names one."""
        kind = uri.partition("/")[0].rpartition(":")[2] if uri.startswith("arn:") else ""
        if kind == "model":
            return {"InferenceSpecification": self._elsewhere.specification_of(uri)}
        original = self.find_anywhere(uri).fields if kind == "model-package" else {}
        return {member: original[member] for member in _CLONED if member in original}

    def _create_version(
        self, group: Group, fields: dict[str, Any], request: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        if request.get("Tags"):
            raise invalid(
                "Tags cannot be specified for a versioned Model Package. Tag the Model Package Group instead."
            )
        fields.setdefault("ModelApprovalStatus", PENDING)
        version = group.last_version + 1
        arn = self._scope.arn("model-package", f"{group.name}/{version}")
        number = self._add(self._new(arn, group.name, version, fields, caller), group.name)
        group.versions.append(number)
        self._versioned.append(number)
        self._groups.keep(replace(group, last_version=version))
        return {"ModelPackageArn": arn}

    def _create_unversioned(
        self, name: str, fields: dict[str, Any], request: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        arn = self._scope.arn("model-package", name)
        if arn in self._shelf:
            raise invalid(f"Model Package already exists: {arn}")
        _check_no_environment(fields)
        self._tags.open(arn, request.get("Tags", ()))
        self._unversioned.append(self._add(self._new(arn, name, None, fields, caller), None))
        return {"ModelPackageArn": arn}

    def _new(self, arn: str, name: str, version: int | None, fields: dict[str, Any], caller: Caller) -> Package:
        now = self._scope.now()
        return Package(arn, name, name if version else None, version, now, caller.user_context(), fields, now)

    def _add(self, package: Package, group: str | None) -> int:
        number = self._shelf.add(package.arn, package)
        self._index.put(index_shelf(group), package.arn, package)
        self._tell(package, [])
        self._scope.note(Happening.VERSION, package.arn, package.created_by, package.fields)
        self._scope.veil.made(package.arn)
        return number

    # Reading

    def describe(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DescribeModelPackage."""
        package = self.find(request["ModelPackageName"])
        return package.describe_metadata() if request.get("IncludedData") == "MetadataOnly" else package.describe()

    def batch_describe(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """BatchDescribeModelPackage: what is missing stands in the error map."""
        found, missing = {}, {}
        for arn in request["ModelPackageArnList"]:
            try:
                found[arn] = self.find_anywhere(arn).batch_summary()
            except ApiError as error:
                missing[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
        return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": missing}

    def list_page(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """ListModelPackages."""
        group = self._groups.find(request["ModelPackageGroupName"]) if "ModelPackageGroupName" in request else None
        kind = f"packages {group.name if group else ''}"
        walked = (
            self._walk_by_name(group, request, kind)
            if _is_by_name(group, request)
            else self._walk(group, request, kind)
        )
        found = ((cursor, package) for cursor, package in walked if _is_wanted(package, request))
        return page(found, request, "ModelPackageSummaryList", kind, Package.summary)

    def _walk(self, group: Group | None, request: Mapping[str, Any], kind: str) -> Iterator[tuple[Any, Package]]:
        return self._shelf.walk(
            is_descending=request.get("SortOrder") == "Descending",
            behind=read_token(request, kind),
            order=self._order(group, request),
        )

    def _walk_by_name(
        self, group: Group | None, request: Mapping[str, Any], kind: str
    ) -> Iterator[tuple[Any, Package]]:
        is_descending = request.get("SortOrder") == "Descending"
        behind = read_token(request, kind)
        records = (each for _, each in self._shelf.walk(is_descending=False, order=self._order(group, request)))
        return behind_cursor(
            (((each.name, each.version or 0), each) for each in records), behind, is_descending=is_descending
        )

    def _order(self, group: Group | None, request: Mapping[str, Any]) -> Order | None:
        kind = request.get("ModelPackageType", "Unversioned" if group is None else "Versioned")
        if group is not None:
            return Order() if kind == "Unversioned" else group.versions
        return {"Versioned": self._versioned, "Unversioned": self._unversioned, "Both": None}[kind]

    def find(self, name_or_arn: str) -> Package:
        """Find a package by ARN, by `group/version` or by the name of an unversioned one."""
        arn = name_or_arn.lower()
        if not arn.startswith("arn:"):
            arn = self._scope.arn("model-package", name_or_arn)
        package = self._shelf.get(arn)
        if package is None or self._scope.veil.hides(arn):
            raise does_not_exist(KIND, arn)
        return package

    def find_anywhere(self, name_or_arn: str) -> Package:
        """Find a package as `find` does, also one of another account."""
        owner = owner_of(name_or_arn)
        return self.find(name_or_arn) if owner in {None, self._scope.account} else self._elsewhere.borrow(name_or_arn)

    def peek(self, arn: str) -> Package | None:
        """Find a package by ARN, unseen by whoever hides or counts reads."""
        return self._shelf.get(arn)

    # Changing

    def update(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateModelPackage: what a request leaves out stays."""
        return self._once("update", request, lambda: self._update(request, caller))

    def _update(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        package = self.find(request["ModelPackageArn"])
        fields = dict(package.fields)
        updated = [member for member in _REPLACED if member in request]
        fields.update((member, request[member]) for member in updated)
        for merge in (_merge_metadata, _merge_card, _add_specifications):
            updated += merge(fields, request)
        changed = replace(package, fields=fields, modified_at=self._scope.now(), modified_by=caller.user_context())
        self._shelf.replace(package.arn, changed)
        self._index.put(index_shelf(package.group), package.arn, changed)
        self._tell(changed, [_EVENT_SPELLING.get(member, member) for member in updated])
        for what in (_ACTIONS[member] for member in updated if member in _ACTIONS):
            self._scope.note(what, package.arn, caller.user_context(), fields)
        return {"ModelPackageArn": package.arn}

    def delete(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DeleteModelPackage. The version's number is not given again."""
        package = self.find(request["ModelPackageName"])
        number = self._shelf.remove(package.arn)
        if package.group is None:
            self._unversioned.remove(number)
            self._tags.close(package.arn)
        else:
            self._versioned.remove(number)
            self._groups.find(package.group).versions.remove(number)
        self._index.put(index_shelf(package.group), package.arn, None)
        self._tell(replace(package, status="Deleting", modified_at=self._scope.now()), [])
        return {}

    def _tell(self, package: Package, updated: list[str]) -> None:
        self._scope.publish(EVENT, package.arn, package.event_detail(updated), package.modified_at)


def index_shelf(group: str | None) -> str:
    """Name the shelf of the search index that holds the packages of a group, or the unversioned ones."""
    return f"{KIND}/{(group or '').lower()}"


def _is_by_name(group: Group | None, request: Mapping[str, Any]) -> bool:
    # Within one group all names are the same, so that by name is by version, which is by time.
    return group is None and request.get("SortBy") == "Name"


def _is_wanted(package: Package, request: Mapping[str, Any]) -> bool:
    status = request.get("ModelApprovalStatus")
    return (
        (status is None or package.fields.get("ModelApprovalStatus") == status)
        and request.get("NameContains", "").lower() in package.name.lower()
        and is_within(package.created_at, request, "CreationTime")
    )


def _merge_metadata(fields: dict[str, Any], request: Mapping[str, Any]) -> list[str]:
    added = request.get("CustomerMetadataProperties", {})
    removed = request.get("CustomerMetadataPropertiesToRemove", ())
    if not added and not removed:
        return []
    kept = {key: value for key, value in fields.get("CustomerMetadataProperties", {}).items() if key not in removed}
    merged = kept | added
    if len(merged) > METADATA_LIMIT:
        raise invalid(
            f"CustomerMetadataProperties would have {len(merged)} entries, at most {METADATA_LIMIT} are allowed."
        )
    fields["CustomerMetadataProperties"] = merged
    if not merged:
        del fields["CustomerMetadataProperties"]
    return ["CustomerMetadataProperties"]


def _merge_card(fields: dict[str, Any], request: Mapping[str, Any]) -> list[str]:
    change = request.get("ModelCard")
    if not change:
        return []
    card = fields.get("ModelCard", {})
    if card.get("ModelCardStatus") == "Archived" and "ModelCardContent" in change:
        raise invalid("The content of an archived Model Card cannot be updated.")
    fields["ModelCard"] = {**card, **change}
    return ["ModelCard"]


def _add_specifications(fields: dict[str, Any], request: Mapping[str, Any]) -> list[str]:
    added = request.get("AdditionalInferenceSpecificationsToAdd")
    if not added:
        return []
    all_of_them = [*fields.get("AdditionalInferenceSpecifications", ()), *added]
    _check_specification_names(all_of_them)
    fields["AdditionalInferenceSpecifications"] = all_of_them
    return ["AdditionalInferenceSpecifications"]


def _check_specification_names(specifications: Any) -> None:
    names = [each["Name"] for each in specifications]
    if len(set(names)) < len(names) or len(names) > SPECIFICATION_LIMIT:
        raise invalid(
            f"AdditionalInferenceSpecifications must have unique names, and be at most {SPECIFICATION_LIMIT}."
        )


def _check_no_environment(fields: Mapping[str, Any]) -> None:
    containers = fields.get("InferenceSpecification", {}).get("Containers", ())
    if any(container.get("Environment") for container in containers):
        raise invalid("Environment variable map cannot be specified when using non-versioned ModelPackages")
