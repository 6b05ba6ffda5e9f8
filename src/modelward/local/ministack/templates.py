"""CloudFormation: resource types of our own."""

# ruff: noqa: SLF001 - private names are what this package is for

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ministack.app
from ministack.core import concurrency

from modelward.local.ministack import Response

Created = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How CloudFormation makes, changes and removes resources of one type.

    Each answers with the physical id, which is what Ref gives, and the attributes that GetAtt gives; what is
    refused is a ValueError. `update` gets the physical id, the old and the new properties.
    """

    create: Callable[[str, Mapping[str, Any]], Created]
    update: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Created]
    delete: Callable[[str, Mapping[str, Any]], None]

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """Return the three in the shape in which MiniStack calls them."""
        return {
            "create": lambda logical_id, properties, _stack: self.create(logical_id, properties),
            "update": lambda physical_id, old, new, _stack: self.update(physical_id, old, new),
            "delete": self.delete,
        }


def add_resource_types(types: Mapping[str, ResourceType]) -> None:
    """Teach CloudFormation resource types, at its first request: importing it takes a second or two."""
    original = ministack.app.SERVICE_HANDLERS["cloudformation"]
    registered = threading.Lock()
    handlers = {name: kind.handlers() for name, kind in types.items()}

    def register() -> None:
        from ministack.services.cloudformation import provisioners

        with registered:
            provisioners._RESOURCE_HANDLERS.update(handlers)

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Response:
        await concurrency.run_offloop(register)
        answer: Response = await original(method, path, headers, body, query)
        return answer

    ministack.app.SERVICE_HANDLERS["cloudformation"] = handle
