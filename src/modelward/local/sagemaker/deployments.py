"""What moves deployments on: time, the health of containers, alarms.

::

    step over, containers healthy        -> the next step; after the last one InService on the new config
    containers unhealthy or late,
    an alarm in ALARM while it is watched,
    the whole takes too long             -> the way back; after it InService on the old config, without a word
                                            (a first deployment is Failed; new sizes go through RollingBack)
    unhealthy on the way back            -> UpdateRollbackFailed: both configs serve, as far as they had come

Alarms are asked when traffic moves, and then every `alarm_poll_s` until the bake is over.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from modelward.local.sagemaker.alarms import AlarmState, Watch
from modelward.local.sagemaker.endpoint import Endpoint, Herald, Status
from modelward.local.sagemaker.faults import Faults
from modelward.local.sagemaker.fleets import Fleet
from modelward.local.sagemaker.interface import Hosting, Timing
from modelward.local.sagemaker.rollouts import Rollout


class Deployments:
    """Moves the rollouts of endpoints on."""

    def __init__(
        self,
        herald: Herald,
        hosting: Hosting,
        watch: Watch,
        faults: Faults,
        timing: Callable[[], Timing],
    ) -> None:
        self._herald = herald
        self._hosting = hosting
        self._watch = watch
        self._faults = faults
        self._timing = timing

    def begin(self, endpoint: Endpoint, rollout: Rollout, status: Status) -> None:
        """Start the containers of a rollout, unless it only resizes, and enter its first step."""
        endpoint.rollout = rollout
        for variant in () if rollout.is_resizing else rollout.new:
            self._hosting.start(variant.key, variant.hosted)
        self._herald.enter(endpoint, status, rollout.started_at)
        self._enter_step(endpoint, rollout, rollout.started_at)

    def check_alarms(self, names: tuple[str, ...], at: datetime) -> str | None:
        """Return the first alarm that does not exist."""
        return next((name for name in names if self._watch.state(name, at) is None), None)

    def move_on(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> None:
        """Do what is due."""
        if endpoint.status is Status.ROLLING_BACK:
            self._return(endpoint, at)
        elif self._is_in_trouble(rollout, at):
            self._turn_back(endpoint, rollout, at)
        elif self._is_over(endpoint, rollout, at):
            self._finish_step(endpoint, rollout, at)
        else:
            endpoint.due = self._next_look(endpoint, rollout, at)

    def stop(self, endpoint: Endpoint) -> None:
        """Stop all containers of an endpoint."""
        for fleet in endpoint.fleets:
            self._stop(fleet)

    # Looking

    def _is_in_trouble(self, rollout: Rollout, at: datetime) -> bool:
        is_late = rollout.expires_at is not None and at >= rollout.expires_at
        return is_late or (rollout.step.is_watched and self._is_alarmed(rollout, at))

    def _is_alarmed(self, rollout: Rollout, at: datetime) -> bool:
        return any(self._watch.state(name, at) is AlarmState.ALARM for name in rollout.plan.alarms)

    def _is_over(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> bool:
        return at >= rollout.ends_at(self._launch_s(endpoint))

    def _next_look(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> datetime:
        looks = [rollout.ends_at(self._launch_s(endpoint))]
        if rollout.step.is_watched and rollout.plan.alarms:
            looks.append(at + timedelta(seconds=self._timing().alarm_poll_s))
        if rollout.expires_at is not None:
            looks.append(rollout.expires_at)
        return min(looks)

    def _launch_s(self, endpoint: Endpoint) -> float:
        return self._timing().create_s if endpoint.status is Status.CREATING else self._timing().update_s

    # Going on

    def _enter_step(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> None:
        is_now = rollout.step.is_watched and bool(rollout.plan.alarms)
        endpoint.due = at if is_now else self._next_look(endpoint, rollout, at)
        if endpoint.fleet is not None:
            self._herald.report(endpoint, at)

    def _finish_step(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> None:
        is_healthy = self._is_healthy(endpoint, rollout, at)
        if is_healthy is None:
            endpoint.due = at + timedelta(seconds=self._timing().health_poll_s)
        elif not is_healthy:
            self._turn_back(endpoint, rollout, at)
        elif not rollout.is_last_step:
            rollout.proceed(at)
            self._enter_step(endpoint, rollout, at)
        else:
            self._finish(endpoint, rollout, at)

    def _finish(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> None:
        if rollout.is_going_back:
            self._return(endpoint, at)
        else:
            self._settle(endpoint, rollout, at)

    def _is_healthy(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> bool | None:
        if rollout.is_resizing:
            return not rollout.is_doomed
        if not rollout.is_launching:
            return True
        fleet = endpoint.fleet if rollout.is_going_back else rollout.new
        is_doomed = rollout.is_stuck if rollout.is_going_back else self._is_doomed(rollout)
        told = [not is_doomed and self._hosting.healthy(variant.key) for variant in fleet or ()]
        if False in told or all(told):
            return all(told)
        late_at = rollout.ends_at(self._launch_s(endpoint)) + timedelta(seconds=self._timing().health_timeout_s)
        return False if at >= late_at else None

    def _is_doomed(self, rollout: Rollout) -> bool:
        return rollout.is_doomed or rollout.new.config.name in self._faults.unhealthy_configs

    def _settle(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> None:
        if not rollout.is_resizing:
            for fleet in (endpoint.fleet, endpoint.stuck.new if endpoint.stuck else None):
                self._stop(fleet)
            endpoint.stuck, endpoint.failure_reason = None, ""
        endpoint.fleet, endpoint.config = rollout.new, rollout.new.config
        self._rest(endpoint, at)

    def _rest(self, endpoint: Endpoint, at: datetime) -> None:
        endpoint.rollout, endpoint.due = None, None
        self._herald.enter(endpoint, endpoint.resting_status, at)

    # Going back

    def _turn_back(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> None:
        if endpoint.fleet is None:
            self._fail(endpoint, rollout, at)
        elif rollout.is_resizing:
            self._herald.enter(endpoint, Status.ROLLING_BACK, at)
            endpoint.due = at + timedelta(seconds=self._timing().update_s)
        elif rollout.is_going_back:
            endpoint.stuck, endpoint.failure_reason = rollout, _STUCK
            self._rest(endpoint, at)
        elif rollout.turn_back(at):
            self._enter_step(endpoint, rollout, at)
        else:
            self._return(endpoint, at)

    def _return(self, endpoint: Endpoint, at: datetime) -> None:
        if endpoint.rollout is not None and not endpoint.rollout.is_resizing:
            self._stop(endpoint.rollout.new)
        self._rest(endpoint, at)

    def _fail(self, endpoint: Endpoint, rollout: Rollout, at: datetime) -> None:
        endpoint.failure_reason = self._reason(rollout.new)
        self._stop(rollout.new)
        endpoint.rollout, endpoint.due = None, None
        self._herald.enter(endpoint, Status.FAILED, at)

    def _reason(self, fleet: Fleet) -> str:
        unread = [each.hosted for each in fleet if self._hosting.is_without_model(each.key)]
        if unread:
            return (
                f'Failed to download model data for container "container_1" from URL: "{unread[0].model_data_url}". '
                "Please ensure that there is an object located at the URL and that the role passed to CreateModel has "
                "permissions to download the model."
            )
        return (
            f"The primary container for production variant {fleet.variants[0].name} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )

    def _stop(self, fleet: Fleet | None) -> None:
        for variant in fleet or ():
            self._hosting.stop(variant.key)


_STUCK = (
    "The rolling deployment failed, and so did the rollback: the endpoint is in service with a mix of the old and the "
    "new endpoint configuration."
)
