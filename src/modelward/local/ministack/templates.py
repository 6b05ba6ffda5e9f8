"""CloudFormation: resource types of our own, and no property that is silently ignored.

MiniStack's makers of resources pass over properties that they do not know. Here each maker is watched: what it did
not use, `completions` may still do, and what is then left makes the resource fail, by name, as if AWS had refused it.
The resource is put back to what it was before.
"""

# ruff: noqa: SLF001 - private names are what this package is for

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ministack.app
from ministack.core import concurrency

from modelward.local.ministack import Response
from modelward.local.properties import Watch

Created = tuple[str, dict[str, Any]]

# Properties that AWS itself does nothing with.
_WITHOUT_EFFECT = {"AWS::CDK::Metadata": frozenset({"Analytics"})}  # tells AWS which constructs are in use


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


@dataclass(frozen=True, slots=True)
class Completion:
    """What MiniStack leaves out of a resource type.

    `apply` gets the physical id and the properties as they shall be, and makes the resource agree with those that
    MiniStack passes over; empty properties take all of them off. `before_delete` gets the physical id and refuses, by
    a ValueError, what AWS would not delete.
    """

    apply: Callable[[str, Mapping[str, Any]], None]
    before_delete: Callable[[str], None] = lambda _physical_id: None


_NOTHING = Completion(lambda _physical_id, _properties: None)


def add_resource_types(types: Mapping[str, ResourceType]) -> None:
    """Teach CloudFormation resource types, at its first request: importing it takes a second or two.

    From then on every type refuses the properties that nothing here acts on.
    """
    original = ministack.app.SERVICE_HANDLERS["cloudformation"]
    registered = threading.Lock()
    is_done = False

    def register() -> None:
        nonlocal is_done
        with registered:
            if not is_done:
                _register(types)
                is_done = True

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Response:
        if not is_done:
            await concurrency.run_offloop(register)
        answer: Response = await original(method, path, headers, body, query)
        return answer

    ministack.app.SERVICE_HANDLERS["cloudformation"] = handle


def _register(types: Mapping[str, ResourceType]) -> None:
    from ministack.services.cloudformation import provisioners

    from modelward.local.ministack import completions

    known = provisioners._RESOURCE_HANDLERS
    known.update({kind: made.handlers() for kind, made in types.items()})
    for kind, handlers in known.items():
        known[kind] = _Maker(kind, handlers, completions.COMPLETIONS.get(kind, _NOTHING)).handlers()


class _Maker:
    """Makes resources of one type by MiniStack's handlers, completes them, and refuses what is then left over."""

    def __init__(self, kind: str, handlers: Mapping[str, Any], completion: Completion) -> None:
        self._kind = kind
        self._handlers = handlers
        self._completion = completion

    def handlers(self) -> dict[str, Any]:
        """Return MiniStack's handlers with ours in front of them; those that the type lacks stay out."""
        ours = {**self._handlers, "create": self.create}
        # CloudFormation's own types are changed by the engine itself where they have no handler.
        if "update" in self._handlers or not self._kind.startswith("AWS::CloudFormation::"):
            ours |= {"update": self.update, "update_with_logical_id": True}
        if "delete" in self._handlers:
            ours |= {"delete": self.delete, "delete_with_logical_id": True}
        return ours

    def create(self, logical_id: str, properties: Mapping[str, Any], stack: str) -> Created:
        watch = Watch(properties)
        made: Created = self._handlers["create"](logical_id, watch.properties(), stack)
        try:
            self._completion.apply(made[0], watch.properties())
            self._refuse(logical_id, watch.ignored())
        except ValueError:
            self._remove(made[0], properties, logical_id)
            raise
        return made

    def update(
        self, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], stack: str, logical_id: str | None
    ) -> Created:
        name = logical_id or physical_id
        before, watch = Watch(old), Watch(new)
        made = self._change(physical_id, before.properties(), watch.properties(), stack, name)
        try:
            self._completion.apply(made[0], watch.properties())
            self._refuse(name, watch.ignored(before))
        except ValueError:
            if made[0] == physical_id:
                self._change(physical_id, new, old, stack, name)
                self._completion.apply(physical_id, old)
            else:
                self._remove(made[0], new, name)
            raise
        return made

    def delete(self, physical_id: str, properties: Mapping[str, Any], logical_id: str | None = None) -> None:
        self._completion.before_delete(physical_id)
        self._remove(physical_id, properties, logical_id)

    def _remove(self, physical_id: str, properties: Mapping[str, Any], logical_id: str | None) -> None:
        if "delete" not in self._handlers:
            return
        self._completion.apply(physical_id, {})
        rest = (logical_id,) if self._handlers.get("delete_with_logical_id") else ()
        self._handlers["delete"](physical_id, properties, *rest)

    def _change(
        self, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], stack: str, logical_id: str
    ) -> Created:
        made: Created
        if "update" not in self._handlers:
            made = self._handlers["create"](logical_id, new, stack)  # as MiniStack does
        else:
            rest = (logical_id,) if self._handlers.get("update_with_logical_id") else ()
            made = self._handlers["update"](physical_id, old, new, stack, *rest)
        return made

    def _refuse(self, logical_id: str, ignored: list[str]) -> None:
        left = [name for name in ignored if name not in _WITHOUT_EFFECT.get(self._kind, ())]
        if left:
            raise ValueError(
                f"The local AWS has no effect for {', '.join(left)} of {logical_id} ({self._kind}), and a template "
                "must not do less than it says. Leave it out of what you deploy here, or test it on a real account."
            )
