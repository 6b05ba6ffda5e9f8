"""Ways that messages take: queues in front of functions, what could not be handled, and the topic that tells people.

Queues use SQS's own encryption and not the registry's key. What they carry are hints (names, versions), never artifacts
or secrets; EventBridge can then deliver whatever happens to the key or its policy, and a queue that is polled all day
costs no KMS calls. The topic must use a key of ours: it carries reasons and figures, and alarms publish to it, which
they cannot do under the key that AWS manages for SNS.
"""

from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from modelward.config import NotificationSpec
from modelward.core.names import fit_name
from modelward_infra.grants import acknowledge, acknowledge_checkov, allow
from modelward_infra.storage import RegistryKey

# Lambda's advice, so that a message does not come back while the function still works on it.
_VISIBILITY_PER_TIMEOUT = 6
_TRIES = 5
_HINTS_ONLY = {"CKV_AWS_27": "SQS encrypts it with its own key; it carries hints, no artifacts and no secrets."}


@dataclass(frozen=True, slots=True)
class NotificationsProps:
    """Who is told, and what encrypts it; the ARN of the topic that is there already, if it shall be that one."""

    key: RegistryKey
    spec: NotificationSpec
    existing_arn: str | None = None


class Notifications(Construct):
    """The topic on which people learn of decisions, rollouts and alarms, with the declared e-mail addresses.

    The policy of a topic that is there already is its owner's, and must let alarms of this account publish.
    """

    def __init__(self, scope: Construct, construct_id: str, props: NotificationsProps) -> None:
        """Make the topic, or take the one that is there, and make its subscriptions."""
        super().__init__(scope, construct_id)
        self._key = props.key
        arn = props.existing_arn
        self.topic: sns.ITopic = sns.Topic.from_topic_arn(self, "Topic", arn) if arn else self._made()
        for address in props.spec.email:
            subscription = self.topic.add_subscription(subscriptions.EmailSubscription(address))
            told = "The ledger keeps what an address could not be told, and no program would send the mail again."
            acknowledge(subscription, "Serverless-SNSRedrivePolicy", told)

    def _made(self) -> sns.Topic:
        topic = sns.Topic(self, "Topic", master_key=self._key.key, enforce_ssl=True)
        self._let_alarms_publish(topic)
        return topic

    def grant_publish(self, grantee: iam.IGrantable) -> None:
        """Allow to tell people."""
        allow(grantee, ["sns:Publish"], self.topic.topic_arn)
        self._key.grant_encrypt_decrypt(grantee)

    def alert(self, alarm: cloudwatch.Alarm) -> None:
        """Tell people when an alarm goes off, and when it is over."""
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)

    def _let_alarms_publish(self, topic: sns.Topic) -> None:
        # A topic with a policy of its own loses the default one, which was what let alarms of the account in.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )


@dataclass(frozen=True, slots=True)
class DeadLettersProps:
    """What is lost when messages end here, and who is told."""

    meaning: str
    notifications: Notifications


class DeadLetters(Construct):
    """A queue for what could not be handled, and an alarm on the first message in it."""

    def __init__(self, scope: Construct, construct_id: str, props: DeadLettersProps) -> None:
        """Make the queue and the alarm."""
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        acknowledge_checkov(self.queue, _HINTS_ONLY)
        acknowledge(self.queue, "Serverless-SQSRedrivePolicy", "It is a dead-letter queue itself, and has an alarm.")
        alarm = cloudwatch.Alarm(
            self,
            "Alarm",
            alarm_name=named(self, self.node.id),
            alarm_description=_next_step(props.meaning, self.queue),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            metric=self.metric_messages(Duration.minutes(1)),
            threshold=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        props.notifications.alert(alarm)

    def metric_messages(self, period: Duration) -> cloudwatch.Metric:
        """Give the number of messages that wait for somebody."""
        return self.queue.metric_approximate_number_of_messages_visible(period=period, statistic="Maximum")


def named(scope: Construct, name: str) -> str:
    """Name an alarm so that people can read it on a dashboard: after its stack, which has its name to itself."""
    return f"{Stack.of(scope).stack_name}-{name}"


def _next_step(meaning: str, queue: sqs.Queue) -> str:
    return (
        f"{meaning} What they were: aws sqs receive-message --queue-url {queue.queue_url}. The function's log says why."
        f" When the cause is gone, aws sqs purge-queue --queue-url {queue.queue_url} ends the alarm. Nothing"
        " is lost with them: the sweep looks at versions and endpoints itself, and the history keeps its entries."
    )


@dataclass(frozen=True, slots=True)
class InboxProps:
    """What the queue is called, how long one try of the function may take, where messages end that it cannot handle."""

    name: str
    function_timeout_s: int
    dead_letters: DeadLetters


class Inbox(Construct):
    """The queue in front of a function; EventBridge delivers into it, and into the dead letters when it cannot."""

    @staticmethod
    def name_of(registry: str, inbox: str) -> str:
        """Name the queue, so that a policy can name it that must not wait for it."""
        return fit_name(registry, inbox.lower())

    def __init__(self, scope: Construct, construct_id: str, props: InboxProps) -> None:
        """Make the queue."""
        super().__init__(scope, construct_id)
        self.dead_letters = props.dead_letters
        self.queue = sqs.Queue(
            self,
            "Queue",
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters.queue, max_receive_count=_TRIES),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            queue_name=props.name,
            # Longer than all tries take; what is still there after that, the sweep asks for anew.
            retention_period=Duration.days(4),
            visibility_timeout=Duration.seconds(_VISIBILITY_PER_TIMEOUT * props.function_timeout_s),
        )
        acknowledge_checkov(self.queue, _HINTS_ONLY)

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Allow to send messages to the function."""
        allow(grantee, ["sqs:SendMessage"], self.queue.queue_arn)
