"""Model package groups and their resource policies."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from modelward.local.sagemaker.errors import conflict, does_not_exist, invalid
from modelward.local.sagemaker.interface import Caller
from modelward.local.sagemaker.listing import (
    Order,
    Shelf,
    behind_cursor,
    is_within,
    page,
    read_token,
    sorted_listing,
)
from modelward.local.sagemaker.scope import Happening, Scope
from modelward.local.sagemaker.search_index import SearchIndex
from modelward.local.sagemaker.sharing import check_policy, is_discoverable
from modelward.local.sagemaker.tags import Tags

KIND = "ModelPackageGroup"


@dataclass(frozen=True, slots=True)
class Group:
    """A model package group. `versions` holds the sequence numbers of its packages, `last_version` only grows."""

    name: str
    arn: str
    created_at: datetime
    created_by: Mapping[str, Any]
    fields: Mapping[str, Any]
    versions: Order
    last_version: int = 0
    policy: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeModelPackageGroup."""
        return {**self.summary(), "CreatedBy": self.created_by}

    def summary(self) -> dict[str, Any]:
        """Return an entry of ListModelPackageGroups."""
        return {
            "ModelPackageGroupName": self.name,
            "ModelPackageGroupArn": self.arn,
            **self.fields,
            "CreationTime": self.created_at,
            "ModelPackageGroupStatus": "Completed",
        }


def _name(record: Group) -> str:
    return record.name


_BY_NAME = {"Name": _name}


class Groups:
    """The groups of an account and region."""

    def __init__(
        self, scope: Scope, tags: Tags, index: SearchIndex, foreign: Callable[[], Iterable["Groups"]] = tuple
    ) -> None:
        """Begin without any; `foreign` gives those of other accounts in this region."""
        self._foreign = foreign
        self._scope = scope
        self._tags = tags
        self._index = index
        self._shelf: Shelf[Group] = Shelf()

    def create(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateModelPackageGroup."""
        name = request["ModelPackageGroupName"]
        arn = self._scope.arn("model-package-group", name)
        if name.lower() in self._shelf:
            raise invalid(f"Model Package Group already exists: {arn}")
        taken = {"ModelPackageGroupDescription", "ManagedConfiguration"}
        fields = {key: value for key, value in request.items() if key in taken}
        group = Group(name, arn, self._scope.now(), caller.user_context(), fields, Order())
        self._tags.open(arn, request.get("Tags", ()))
        self._shelf.add(name.lower(), group)
        self._index.put(KIND, arn, group)
        self._scope.note(Happening.GROUP, arn, group.created_by, {})
        self._scope.veil.made(arn)
        return {"ModelPackageGroupArn": arn}

    def describe(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DescribeModelPackageGroup."""
        return self.find(request["ModelPackageGroupName"]).describe()

    def list_page(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """ListModelPackageGroups."""
        part = request.get("NameContains", "").lower()
        is_foreign = request.get("CrossAccountFilterOption") == "CrossAccount"
        walked = (
            self._shared(request)
            if is_foreign
            else sorted_listing(self._shelf, request, "groups", _BY_NAME, default_order="Ascending")
        )
        found = (
            (cursor, group)
            for cursor, group in walked
            if part in group.name.lower() and is_within(group.created_at, request, "CreationTime")
        )
        kind = "shared groups" if is_foreign else "groups"
        return page(found, request, "ModelPackageGroupSummaryList", kind, Group.summary)

    def delete(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DeleteModelPackageGroup: refused while it holds versions."""
        group = self.find(request["ModelPackageGroupName"])
        if len(group.versions):
            raise conflict(
                f"Cannot delete Model Package Group {group.arn}: it contains {len(group.versions)} Model Packages. "
                "Delete them first."
            )
        self._shelf.remove(group.name.lower())
        self._tags.close(group.arn)
        self._index.put(KIND, group.arn, None)
        return {}

    def put_policy(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """PutModelPackageGroupPolicy."""
        group = self.find(request["ModelPackageGroupName"])
        check_policy(request["ResourcePolicy"])
        self.keep(replace(group, policy=request["ResourcePolicy"]))
        return {"ModelPackageGroupArn": group.arn}

    def get_policy(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """GetModelPackageGroupPolicy."""
        return {"ResourcePolicy": self._with_policy(request).policy}

    def delete_policy(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DeleteModelPackageGroupPolicy."""
        self.keep(replace(self._with_policy(request), policy=None))
        return {}

    def find(self, name_or_arn: str) -> Group:
        """Find a group by name or ARN, or answer that it does not exist."""
        name = name_or_arn.rpartition("/")[2]
        arn = self._scope.arn("model-package-group", name)
        is_elsewhere = name_or_arn.startswith("arn:") and name_or_arn.lower() != arn
        group = None if is_elsewhere else self._shelf.get(name.lower())
        if group is None or self._scope.veil.hides(arn):
            raise does_not_exist(KIND, name_or_arn if is_elsewhere else arn)
        return group

    def peek(self, name: str) -> Group | None:
        """Find a group by name, unseen by whoever hides or counts reads."""
        return self._shelf.get(name.lower())

    def shared_with(self, account: str) -> list[Group]:
        """Return the groups that another account may discover."""
        return [group for group in list(self._shelf) if is_discoverable(group.policy, account)]

    def keep(self, group: Group) -> None:
        """Put a changed group in the place of what it was."""
        self._shelf.replace(group.name.lower(), group)

    def _shared(self, request: Mapping[str, Any]) -> Iterator[tuple[Any, Group]]:
        groups = [group for other in self._foreign() for group in other.shared_with(self._scope.account)]
        is_by_name = request.get("SortBy") == "Name"
        pairs = ((group.name if is_by_name else group.created_at.timestamp(), group.arn) for group in groups)
        is_descending = request.get("SortOrder") == "Descending"
        return behind_cursor(
            zip(pairs, groups, strict=True), read_token(request, "shared groups"), is_descending=is_descending
        )

    def _with_policy(self, request: Mapping[str, Any]) -> Group:
        group = self.find(request["ModelPackageGroupName"])
        if group.policy is None:
            raise invalid(f"Cannot find resource policy for {group.arn}.")
        return group
