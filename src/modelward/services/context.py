"""What every service is given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelward.aws.ledger import Ledger
from modelward.aws.messages import Queue, Topic, Webhook
from modelward.aws.sagemaker import SageMaker
from modelward.aws.storage import Storage
from modelward.config.settings import Settings
from modelward.config.spec import ModelSpec, RegistrySpec
from modelward.core.errors import NotFoundError

if TYPE_CHECKING:
    # Functions never look at a whole account; their cold starts need not pay for it.
    from modelward.aws.inventory import Inventory, Stacks


@dataclass(frozen=True)
class Context:
    """The declaration, the gateways, the deployment and the clock.

    Gateways and settings are made when they are first used, so that reading a version costs no look-up of the
    deployment and a handler makes no client that it does not need.

    Args:
        spec: The declaration.
        client: Makes a boto3 client of a service by its name.
        find_settings: Finds the deployment; called once.
        clock: Gives the time, with its zone.
        sleep: Waits so many seconds.
        folder: Where the user works; its git state is recorded with a registration.
    """

    spec: RegistrySpec
    client: Callable[[str], Any]
    find_settings: Callable[[], Settings]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    folder: Path

    @cached_property
    def settings(self) -> Settings:
        """The deployment; NotFoundError when there is none in this account and region."""
        return self.find_settings()

    @cached_property
    def sagemaker(self) -> SageMaker:
        """Versions and endpoints."""
        return SageMaker(self.client("sagemaker"))

    @cached_property
    def inventory(self) -> "Inventory":
        """The whole account."""
        from modelward.aws.inventory import Inventory

        return Inventory(self.client("sagemaker"))

    @cached_property
    def stacks(self) -> "Stacks":
        """What the stacks own."""
        from modelward.aws.inventory import Stacks

        return Stacks(self.client("cloudformation"))

    @cached_property
    def storage(self) -> Storage:
        """The artifact bucket."""
        return Storage(self.client("s3"))

    @cached_property
    def ledger(self) -> Ledger:
        """The history."""
        return Ledger(self.client("dynamodb"), self.settings.table)

    @cached_property
    def queue(self) -> Queue:
        """What wakes the reconciler."""
        return Queue(self.client("sqs"), self.settings.reconcile_queue_url)

    @cached_property
    def topic(self) -> Topic:
        """E-mail."""
        return Topic(self.client("sns"), self.settings.topic_arn)

    @cached_property
    def webhook(self) -> Webhook | None:
        """Slack, where it is declared."""
        slack = self.spec.notifications.slack
        return Webhook(self.client("secretsmanager"), slack.webhook_secret) if slack else None

    def model(self, name: str) -> ModelSpec:
        """Find a declared model.

        Raises:
            NotFoundError: registry.toml declares none of that name.
        """
        spec = self.spec.models.get(name)
        if spec is None:
            step = f"Declare [models.{name}] in registry.toml and deploy, or correct the name."
            raise NotFoundError("model", name, known=self.spec.models, next_step=step)
        return spec

    def declared(self, group: str) -> str | None:
        """Find the declared model of a group that was named in an ARN; None when there is none.

        SageMaker has been seen to write names in lower case there, whatever they are.
        """
        return next((name for name in self.spec.models if name.lower() == group.lower()), None)
