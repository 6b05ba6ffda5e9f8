"""What every service is given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from modelward.aws.ledger import Ledger
from modelward.aws.messages import Bus, Queue, Topic, Webhook
from modelward.aws.sagemaker import SageMaker
from modelward.aws.storage import Storage
from modelward.config.accounts import bus_arn, models_role_arn
from modelward.config.settings import Settings
from modelward.config.spec import ModelSpec, RegistrySpec
from modelward.core.errors import NotFoundError
from modelward.core.place import Place

if TYPE_CHECKING:
    # Few functions scale or call anything, and none looks at a whole account; their cold starts need not pay for it.
    from modelward.aws.alarms import Alarms
    from modelward.aws.autoscaling import AutoScaling
    from modelward.aws.inventory import Inventory, Stacks, Tables
    from modelward.aws.metrics import Metrics
    from modelward.aws.reports import Reports
    from modelward.aws.runtime import Runtime
    from modelward.aws.surroundings import Functions, Images, Prices, Quotas, Roles
    from modelward.core.model_package import Dataset
    from modelward.core.provenance import Provenance


class Clients(Protocol):
    """Makes boto3 clients."""

    def __call__(self, service: str, environment: str = "") -> Any:
        """Make a client of a service by its name, for the registry's account or that of a foreign environment."""


class Downloads(Protocol):
    """Reads S3."""

    def download(self, uri: str, to: Path) -> str:
        """Write an object to a file and return the SHA-256 of its bytes."""


class DataVersions(Protocol):
    """Knows which bytes a repository of data tracks, and where they are kept (`modelward.interop.data`)."""

    def provenance(self, artifact: str | Path, dataset: "Dataset | None") -> "Provenance | None":
        """Tell what is known of an artifact and its inputs; None when nothing is."""

    def bring(self, uri: str, to: Path, storage: Downloads) -> "Provenance":
        """Write what a `dvc://` URI names to a path, and tell where it comes from."""


@dataclass(frozen=True)
class Context:
    """The declaration, the gateways, the deployment and the clock.

    Gateways and settings are made when they are first used, so that reading a version costs no look-up of the
    deployment and a handler makes no client that it does not need.

    Args:
        spec: The declaration.
        client: Makes boto3 clients.
        find_settings: Finds the deployment; called once.
        clock: Gives the time, with its zone.
        sleep: Waits so many seconds.
        folder: Where the user works; its git state is recorded with a registration.
        here: The foreign environment in whose account this runs; empty in the registry's.
        data: The repository of data around that folder; functions have none.
    """

    spec: RegistrySpec
    client: Clients
    find_settings: Callable[[], Settings]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    folder: Path
    here: str = ""
    data: DataVersions | None = None

    @cached_property
    def settings(self) -> Settings:
        """The deployment; NotFoundError when there is none in this account and region."""
        return self.find_settings()

    @cached_property
    def sagemaker(self) -> SageMaker:
        """Versions, and the endpoints of the registry's account."""
        return SageMaker(self.client("sagemaker"))

    @cached_property
    def hosting(self) -> SageMaker:
        """The endpoints of the account in which this runs: no other's are ever changed."""
        return SageMaker(self.client("sagemaker", self.here)) if self.here else self.sagemaker

    @cached_property
    def runtime(self) -> "Runtime":
        """Calls of those endpoints."""
        from modelward.aws.runtime import Runtime

        return Runtime(self.client("sagemaker-runtime", self.here))

    @cached_property
    def images(self) -> "Images":
        """The images of ECR registries in this region."""
        from modelward.aws.surroundings import Images

        return Images(self.client("ecr"))

    def roles(self, environment: str) -> "Roles":
        """Give the roles of a foreign environment's account, or of the registry's."""
        from modelward.aws.surroundings import Roles

        return Roles(self.client("iam", environment))

    @cached_property
    def functions(self) -> "Functions":
        """The functions of the registry's account."""
        from modelward.aws.surroundings import Functions

        return Functions(self.client("lambda"))

    @cached_property
    def prices(self) -> "Prices":
        """AWS's price list."""
        from modelward.aws.surroundings import Prices

        return Prices(self.client("pricing"))

    def quotas(self, environment: str) -> "Quotas":
        """Give SageMaker's quotas in a foreign environment's account, or in the registry's."""
        from modelward.aws.surroundings import Quotas

        return Quotas(self.client("service-quotas", environment))

    @cached_property
    def autoscaling(self) -> "AutoScaling":
        """How many instances those endpoints have."""
        from modelward.aws.autoscaling import AutoScaling

        return AutoScaling(self.client("application-autoscaling", self.here))

    @cached_property
    def metrics(self) -> "Metrics":
        """What callers have from those endpoints."""
        from modelward.aws.metrics import Metrics

        return Metrics(self.client("cloudwatch", self.here))

    @cached_property
    def alarms(self) -> "Alarms":
        """What goes off where those endpoints are."""
        from modelward.aws.alarms import Alarms

        return Alarms(self.client("cloudwatch", self.here))

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
    def tables(self) -> "Tables":
        """How a table is made."""
        from modelward.aws.inventory import Tables

        return Tables(self.client("dynamodb"))

    @cached_property
    def reports(self) -> "Reports":
        """What servers of a team's own report."""
        from modelward.aws.reports import Reports

        return Reports(self.client("cloudwatch"))

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
        """What wakes the reconciler that runs here."""
        return Queue(self.client("sqs", self.here), self.settings.reconcile_queue_url)

    @cached_property
    def topic(self) -> Topic:
        """E-mail."""
        return Topic(self.client("sns"), self.settings.topic_arn)

    @cached_property
    def webhook(self) -> Webhook | None:
        """Slack, where it is declared."""
        slack = self.spec.notifications.slack
        return Webhook(self.client("secretsmanager"), slack.webhook_secret) if slack else None

    def bus(self, model: str, environment: str) -> Bus:
        """Give the bus on which the reconciler of a model in an environment hears what is asked of it."""
        home = Place.of(self.settings.table_arn)
        return Bus(self.client("events"), bus_arn(self.spec, self._where(model, environment), home))

    def is_ours(self, model: str, environment: str) -> bool:
        """Tell whether it is here that a model in an environment is reconciled: where its endpoint is, else at home."""
        return self.here == self._where(model, environment)

    def _where(self, model: str, environment: str) -> str:
        """Give the environment, if the model's endpoint there is in an account of its own; empty for the registry's."""
        return environment if self.spec.is_abroad(model, environment) else ""

    def endpoints(self, model: str, environment: str) -> SageMaker:
        """Give what can look at a model's endpoint in an environment, be it in this account or in another one."""
        if self.is_ours(model, environment):
            return self.hosting
        return SageMaker(self.client("sagemaker", environment))

    def execution_role_arn(self, model: str, environment: str) -> str:
        """Give the role that a model runs as in an environment."""
        if self.spec.is_abroad(model, environment):
            return models_role_arn(self.spec, environment)
        return self.settings.role_arn

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
