"""Tags of every resource that takes them, by ARN."""

from collections.abc import Iterable, Mapping
from typing import Any

from modelward.local.sagemaker.errors import invalid
from modelward.local.sagemaker.interface import Caller

LIMIT = 50
# The kinds of resources, as ARNs name them, whose tags are kept here.
TAGGABLE = frozenset(
    {
        "model-package-group",
        "model-package",
        "model",
        "endpoint-config",
        "endpoint",
        "transform-job",
        "action",
        "artifact",
        "context",
    }
)


class Tags:
    """The tags of an account and region. A resource is opened when it is made and closed when it is gone."""

    def __init__(self) -> None:
        self._by_arn: dict[str, dict[str, str]] = {}
        self.revision = 0

    def __contains__(self, arn: str) -> bool:
        return arn.lower() in self._by_arn

    def open(self, arn: str, given: Iterable[Mapping[str, str]]) -> None:
        """Let a new resource take tags, beginning with those of its create call."""
        self._keep(arn, {tag["Key"]: tag["Value"] for tag in given})

    def close(self, arn: str) -> None:
        """Forget the tags of a resource that is gone."""
        self._by_arn.pop(arn, None)

    def of(self, arn: str) -> dict[str, str]:
        """Return a resource's tags as a mapping."""
        return self._by_arn.get(arn.lower(), {})

    def listed(self, arn: str) -> list[dict[str, str]]:
        """Return a resource's tags as the API lists them."""
        return [{"Key": key, "Value": value} for key, value in self.of(arn).items()]

    def add(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """AddTags: a key that is there gets the new value."""
        arn = self._taggable(request)
        merged = self.of(arn) | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if len(merged) > LIMIT:
            raise invalid(f"Too many tags: {arn} would have {len(merged)}, at most {LIMIT} are allowed.")
        self._keep(arn, merged)
        return {"Tags": self.listed(arn)}

    def list_page(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """ListTags. A resource has at most 50 tags and a page holds at least as many, so there is one page."""
        return {"Tags": self.listed(self._taggable(request))}

    def delete(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DeleteTags: a key that is not there is no error."""
        arn = self._taggable(request)
        gone = set(request["TagKeys"])
        self._keep(arn, {key: value for key, value in self.of(arn).items() if key not in gone})
        return {}

    def _keep(self, arn: str, tags: dict[str, str]) -> None:
        self._by_arn[arn] = tags
        self.revision += 1

    def _taggable(self, request: Mapping[str, Any]) -> str:
        arn: str = request["ResourceArn"].lower()
        if arn in self._by_arn:
            return arn
        kind, _, name = arn.split(":", 5)[5].partition("/")
        if kind == "model-package" and "/" in name:
            raise invalid(f"Tags are not supported on versioned model packages: {arn}. Tag their group instead.")
        raise invalid(f"Resource {arn} does not exist.")
