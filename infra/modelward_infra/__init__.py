"""AWS CDK constructs and stacks of Modelward.

Constructs model, stacks instantiate, `app.py` chooses the file. What others build with is public: `ModelPackageGroup`,
`ModelRegistry`, `ApprovalWorkflow` (docs/constructs.md), and two of our own stacks hold one of these each and nothing
else. `<registry>-registry` is what must never be lost (groups, artifacts, ledger, key, the role of running endpoints),
retained and protected; `<registry>-workflow` is what can be made again at any time (rules, queues, functions, topic,
parameters); `<registry>-access` says who may do what. What functions change at run time, the endpoints, is in none.

A workflow takes its registry as a value. Within it, the review and the notifier work on the registry, the rollout
on the registry and on the endpoints of its environments, and only an event bus is between them: the cut along which
an environment lives in another account than the registry. It has a stack there then, `<registry>-<environment>`, with a
rollout of its own, which works on the registry through a role of the registry's account.

::

    app.py ── build() ─┬ stacks.py ─┬─ registry.py ─── storage.py groups.py images.py     what a registry is
                       │            │                  hosting.py placement.py
                       │            └─ workflow.py ─┬─ workers.py functions.py asset.py   what it does
                       │                            ├─ messaging.py rules.py
                       │                            └─ guardrails.py machinery.py dashboard.py   who notices
                       ├ access.py ──── roles.py                                          who may do what
                       └ environment.py ─ doors.py         another account, and what each may do in the other
                                    of all: stack.py patterns.py grants.py arns.py
    delivery.py     who deploys it, from GitHub
    cost.py prices.py     what it costs when nothing happens

Every path that a message takes ends in a function or in a dead-letter queue, and every dead-letter queue has an alarm.
Roles name the declared models and endpoints. The templates follow from the files alone: no credentials, no network, no
clock, no Git, no feature flag of the surrounding app (`flags.py`); a test synthesizes twice and compares bytes.

Importing this package finds a Node for the CDK (`node.py`), so import it before `aws_cdk`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelward_infra.node import use_bundled_node

if TYPE_CHECKING:
    from aws_cdk import App as App

    from modelward_infra.app import Registry as Registry
    from modelward_infra.app import build as build
    from modelward_infra.app import check as check
    from modelward_infra.delivery import DeployRoleStack as DeployRoleStack
    from modelward_infra.delivery import DeployRoleStackProps as DeployRoleStackProps
    from modelward_infra.delivery import GitHubRoles as GitHubRoles
    from modelward_infra.delivery import GitHubRolesProps as GitHubRolesProps
    from modelward_infra.groups import ModelPackageGroup as ModelPackageGroup
    from modelward_infra.groups import ModelPackageGroupProps as ModelPackageGroupProps
    from modelward_infra.guardrails import EndpointGuardrails as EndpointGuardrails
    from modelward_infra.guardrails import EndpointGuardrailsProps as EndpointGuardrailsProps
    from modelward_infra.registry import ModelRegistry as ModelRegistry
    from modelward_infra.registry import ModelRegistryProps as ModelRegistryProps
    from modelward_infra.workflow import ApprovalWorkflow as ApprovalWorkflow
    from modelward_infra.workflow import ApprovalWorkflowProps as ApprovalWorkflowProps

__all__ = [
    "App",
    "ApprovalWorkflow",
    "ApprovalWorkflowProps",
    "DeployRoleStack",
    "DeployRoleStackProps",
    "EndpointGuardrails",
    "EndpointGuardrailsProps",
    "GitHubRoles",
    "GitHubRolesProps",
    "ModelPackageGroup",
    "ModelPackageGroupProps",
    "ModelRegistry",
    "ModelRegistryProps",
    "Registry",
    "build",
    "check",
]

# Looked up on first use: the CDK takes seconds to import, and Node must be found before.
_HOMES = {
    "App": "aws_cdk",
    "ApprovalWorkflow": "modelward_infra.workflow",
    "ApprovalWorkflowProps": "modelward_infra.workflow",
    "DeployRoleStack": "modelward_infra.delivery",
    "DeployRoleStackProps": "modelward_infra.delivery",
    "EndpointGuardrails": "modelward_infra.guardrails",
    "EndpointGuardrailsProps": "modelward_infra.guardrails",
    "GitHubRoles": "modelward_infra.delivery",
    "GitHubRolesProps": "modelward_infra.delivery",
    "ModelPackageGroup": "modelward_infra.groups",
    "ModelPackageGroupProps": "modelward_infra.groups",
    "ModelRegistry": "modelward_infra.registry",
    "ModelRegistryProps": "modelward_infra.registry",
    "Registry": "modelward_infra.app",
    "build": "modelward_infra.app",
    "check": "modelward_infra.app",
}

use_bundled_node()


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'modelward_infra' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
