"""What is new about a version, and what the rules demand of it.

`news` compares a version with the newest entry of its chain and says what the ledger lacks. `demands` looks at the
version and the chain *with* that news, and says what must change. Neither remembers anything else, so whatever was
interrupted is found again: an entry that was not written is still news, and a demand that was not met still stands.
The result of a demand is not recorded by who met it: it is the next thing to be seen, and so news itself.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from modelward.config.spec import Enter, EnvironmentSpec, ModelSpec, RegistrySpec
from modelward.core.arn import who as short
from modelward.core.gates import Verdict
from modelward.core.ledger import Entry, EntryKind, Snapshot
from modelward.core.model_package import ApprovalStatus, Entered, LifeCycle, ModelPackage, StageStatus
from modelward.planning.changes import UpdateVersion
from modelward.planning.gates import are_held, judge
from modelward.planning.standing import decided_after, desired, live, served_from

REFUSAL = "Refused: "
_TEXT_LIMIT = 1024  # of ApprovalDescription and StageDescription
_STAGE_KINDS = frozenset({EntryKind.STAGED, EntryKind.ROLLED_BACK})
_POSITION_KINDS = _STAGE_KINDS | {EntryKind.ARCHIVED, EntryKind.FAILED, EntryKind.REFUSED}
_APPROVAL_KINDS = {
    ApprovalStatus.APPROVED: EntryKind.APPROVED,
    ApprovalStatus.REJECTED: EntryKind.REJECTED,
    ApprovalStatus.PENDING: EntryKind.PENDING,
}
_VERDICT_KINDS = frozenset(_APPROVAL_KINDS.values())


@dataclass(frozen=True, slots=True)
class Case:
    """One version under review, with all that a verdict needs.

    Args:
        spec: The whole declaration.
        model: The declared model that the version belongs to.
        package: The version as it is now.
        chain: Its entries, oldest first.
        standing: The versions that stand in the stages that count: see `concerned`.
        heir: The version to go back to when this one may no longer serve where it stands: the one that was verified
            there before and is still approved.
        adopted_at: When its group, which was there already, was adopted; None for a group of our own.
    """

    spec: RegistrySpec
    model: ModelSpec
    package: ModelPackage
    chain: tuple[Entry, ...] = ()
    standing: Sequence[ModelPackage] = ()
    heir: ModelPackage | None = None
    adopted_at: datetime | None = None

    @property
    def is_found(self) -> bool:
        """Whether it was as it is before its group was adopted: who decided so then asked nobody for gates.

        A decision that carries our stamp did ask, so it came after, though nobody had looked at the group yet.
        """
        is_earlier = self.adopted_at is not None and self.package.modified_at <= self.adopted_at
        return not self.chain and is_earlier and self.package.decided is None

    @property
    def environment(self) -> EnvironmentSpec | None:
        """The environment that serves the stage in which the version stands."""
        return self.spec.environment_of(self.package.stage) if self.package.stage else None

    @property
    def seen(self) -> Snapshot:
        """What the ledger knows already; a version starts as pending and without a stage, or as it was found."""
        if self.is_found:
            return Snapshot.of(self.package)
        return self.chain[-1].seen if self.chain else Snapshot(approval=ApprovalStatus.PENDING.value)

    def live(self, environment: EnvironmentSpec) -> ModelPackage | None:
        """The version that an environment serves now, as far as the registry knows."""
        return live(self.standing, served_from(self.spec, environment.stage))

    def is_verified_in(self, environment: str) -> bool:
        """Whether the version was ever seen to be served by an environment."""
        return any(e.kind is EntryKind.VERIFIED and e.environment == environment for e in self.chain)


def is_news(case: Case) -> bool:
    """Tell whether the ledger lacks anything about the version."""
    return not case.chain or _has_new_verdict(case) or _has_new_position(case)


def concerned(case: Case) -> tuple[str, ...]:
    """Give the stages whose versions a review must know: none for a version about which nothing is new."""
    is_approved = case.package.is_approved and _has_new_verdict(case)
    is_rejected = case.package.approval_status is ApprovalStatus.REJECTED
    # A way back is held against no gate, so nothing is compared.
    is_return = case.environment is not None and case.is_verified_in(case.environment.name)
    here = case.environment if is_rejected or (_has_new_position(case) and not is_return) else None
    entering = approval_environment(case.spec) if is_approved else None
    found = {stage for env in (here, entering) if env for stage in served_from(case.spec, env.stage)}
    return tuple(sorted(found))


def news(case: Case) -> tuple[Entry, ...]:
    """Write the entries that the ledger lacks, in the order in which things happened.

    Each entry's `seen` covers only what has been told up to it, so that a writer that stops half-way leaves the rest
    to be news again.
    """
    entries = list(case.chain)
    if not entries:
        entries.append(_registered(case))
    if _has_new_verdict(case):
        entries.append(_verdict(case, entries))
    if _has_new_position(case):
        entries.append(_position(case, entries))
    return tuple(entries[len(case.chain) :])


def _registered(case: Case) -> Entry:
    package = case.package
    return Entry(
        model=package.group,
        version=package.version,
        seq=1,
        at=package.created_at,
        kind=EntryKind.FOUND if case.is_found else EntryKind.REGISTERED,
        who=package.created_by.arn,
        why=package.notes or "registered",
        figures=package.metrics,
        seen=case.seen,
    )


def _has_new_verdict(case: Case) -> bool:
    package, seen = case.package, case.seen
    return (package.approval_status.value, package.approval_description) != (seen.approval, seen.approval_reason)


def _verdict(case: Case, entries: list[Entry]) -> Entry:
    package, seen = case.package, entries[-1].seen
    kind = _APPROVAL_KINDS[package.approval_status]
    is_new_approval = package.is_approved and (seen.approval != ApprovalStatus.APPROVED.value or _is_contested(entries))
    environment = approval_environment(case.spec)
    rival = case.live(environment) if environment else None
    verdicts = judge(case.model, package, rival) if is_new_approval else ()
    if kind is EntryKind.REJECTED and package.approval_description.startswith(REFUSAL):
        kind, verdicts = EntryKind.REFUSED, _last_verdicts(entries)
    return replace(
        _observed(case, entries, kind, package.approval_description),
        verdicts=verdicts,
        facts=_refusal([] if are_held(verdicts) or not is_new_approval else _held_against(verdicts)),
        seen=replace(seen, approval=package.approval_status.value, approval_reason=package.approval_description),
    )


def _has_new_position(case: Case) -> bool:
    package, seen = case.package, case.seen
    if package.life_cycle is None or package.stage != seen.stage:
        return package.life_cycle is not None
    stamp, last = str(package.entered or ""), _last_position(case.chain)
    is_told = last is None or stamp in ("", last.token, last.seen.entered)  # seen: the entry gave it a token of its own
    return not is_told or is_tried_again(case)


def is_tried_again(case: Case) -> bool:
    """Tell whether a person took a version out of StageStatus Rejected after its rollout had failed.

    The failure is recorded before the status is set, so a status that is not Rejected may also mean that the writer
    stopped in between; what tells them apart is that nobody has touched the version since.
    """
    last = _last_position(case.chain)
    if last is None or last.kind is not EntryKind.FAILED or last.seen.stage_status == StageStatus.APPROVED:
        return False  # one that was serving before its re-configuration failed was never marked
    is_retried = case.package.stage_status in (StageStatus.IN_PROGRESS, StageStatus.APPROVED)
    return is_retried and last.token == str(case.package.entered or "") and case.package.modified_at > last.at


def _position(case: Case, entries: list[Entry]) -> Entry:
    package, environment = case.package, case.environment
    cycle = package.life_cycle
    if cycle is None:  # _has_new_position has seen one
        raise AssertionError("a position needs a life cycle")
    is_return = environment is not None and case.is_verified_in(environment.name)
    verdicts = judge(case.model, package, case.live(environment)) if environment and not is_return else ()
    kind = _position_kind(case, cycle, is_return=is_return)
    against = _held_against(verdicts)
    if environment and not package.is_approved:
        against.insert(0, f"it is {package.approval_status.value}, not Approved")
    if kind is EntryKind.REFUSED:
        verdicts, against = _last_verdicts(entries), []
    return replace(
        _observed(case, entries, kind, cycle.description),
        stage=cycle.stage,
        environment=environment.name if environment else "",
        token=_token(case),
        verdicts=verdicts,
        facts=_refusal(against),
        seen=replace(Snapshot.of(package), entered=str(package.entered or "")),
    )


def _position_kind(case: Case, cycle: LifeCycle, *, is_return: bool) -> EntryKind:
    if cycle.description.startswith(REFUSAL):
        return EntryKind.REFUSED
    if cycle.stage == case.spec.archive_stage:
        return EntryKind.ARCHIVED
    return EntryKind.ROLLED_BACK if is_return else EntryKind.STAGED


def _token(case: Case) -> str:
    """Name the decision: the version's own stamp if it is new, else the moment when a hand without a stamp moved it."""
    package, stamp, last = case.package, str(case.package.entered or ""), _last_position(case.chain)
    if stamp and (last is None or stamp != last.token):
        return stamp
    return str(Entered(package.stage or "", package.modified_at))


def _observed(case: Case, entries: list[Entry], kind: EntryKind, why: str) -> Entry:
    package = case.package
    return Entry(
        model=package.group,
        version=package.version,
        seq=entries[-1].seq + 1,
        at=package.modified_at,
        kind=kind,
        who=package.modified_by.arn,
        why=why or "no reason was given",
        figures=package.metrics,
    )


def _held_against(verdicts: Sequence[Verdict]) -> list[str]:
    return [verdict.text for verdict in verdicts if not verdict.is_held]


def _refusal(against: Sequence[str]) -> dict[str, str]:
    return {"refusal": "; ".join(against)} if against else {}


def _last(entries: Sequence[Entry], kinds: frozenset[EntryKind]) -> Entry | None:
    return next((entry for entry in reversed(entries) if entry.kind in kinds), None)


def _last_position(entries: Sequence[Entry]) -> Entry | None:
    """Give the last word about a stage; an approval that was refused is no such word, and names no decision."""
    return next((entry for entry in reversed(entries) if entry.kind in _POSITION_KINDS and entry.token), None)


def _last_verdicts(entries: Sequence[Entry]) -> tuple[Verdict, ...]:
    refused = next((entry for entry in reversed(entries) if entry.facts.get("refusal")), None)
    return tuple(refused.verdicts) if refused else ()


def approval_environment(spec: RegistrySpec) -> EnvironmentSpec | None:
    """Give the first environment, in order of promotion, that an approval alone lets a version enter."""
    on_approval = [env for env in spec.environments.values() if env.enter is Enter.ON_APPROVAL]
    return min(on_approval, key=lambda env: spec.stages.index(env.stage), default=None)


def demands(case: Case, *, now: datetime) -> tuple[str, tuple[UpdateVersion, ...]]:
    """Say what the rules demand of a version whose chain is up to date, and why.

    Returns:
        The reason and the updates; the first rule that applies speaks, for its result is reviewed again.
    """
    for why, update in (
        ("It was approved against its gates, so the approval is taken back", _take_approval_back(case)),
        ("A decision about its stage was overwritten in the same moment, so it is restored", _restore(case)),
        ("It was promoted against the rules, so it goes back to where it was", _put_back(case, now)),
        ("The version that serves was rejected, so the one verified before it comes back", _bring_heir(case)),
        ("It was moved by a hand that left no stamp, and may stay, so its entry is stamped", _stamp(case)),
        ("It is approved, which is enough to enter the next environment", _enter_on_approval(case)),
    ):
        if update is not None:
            return why, (update,)
    return "Nothing is demanded of it", ()


def _is_contested(entries: Sequence[Entry]) -> bool:
    """Tell whether the last verdict was one against the gates; another wording of its reason does not make it good."""
    approval = _last(entries, _VERDICT_KINDS)
    return approval is not None and bool(approval.facts.get("refusal"))


def _take_approval_back(case: Case) -> UpdateVersion | None:
    approval = _last(case.chain, _VERDICT_KINDS)
    if not case.package.is_approved or approval is None or not _is_contested(case.chain):
        return None
    # Rejected and not PendingManualApproval: the way back to pending is not among the documented transitions.
    reason = _text(f"{REFUSAL}{approval.facts['refusal']} (approved by {short(approval.who)})")
    return UpdateVersion(case.package.arn, case.package.version, approval=ApprovalStatus.REJECTED, reason=reason)


def _restore(case: Case) -> UpdateVersion | None:
    """Bring back a decision that one of our own updates has overwritten.

    SageMaker has no conditional update: a review or a reconciler that read a version before a person moved it, and
    wrote after that, undoes the move. The decision has keys of its own that no rule writes, and what a rule writes
    carries the time of the decision that it follows from. So an entry that is older than the decision came too late.
    A person without our stamp leaves none that fits the stage, and is never overruled.
    """
    package, decided, entered = case.package, case.package.decided, case.package.entered
    if decided is None or entered is None or decided.at <= entered.at or decided.stage not in case.spec.stages:
        return None
    cycle = LifeCycle(decided.stage, case.spec.status_on_entry(decided.stage).value, _text(package.because))
    return UpdateVersion(package.arn, package.version, life_cycle=cycle, entered=decided)


def is_unsettled(case: Case) -> bool:
    """Tell whether a version that looks as recorded may still be owed something, judging by its last entry alone."""
    last = case.chain[-1]
    is_owed = last.kind in (EntryKind.APPROVED, EntryKind.REJECTED) or bool(last.facts.get("refusal"))
    return is_owed or last.seen.stage_status != (case.package.stage_status or "")


def _put_back(case: Case, now: datetime) -> UpdateVersion | None:
    moved = _last_position(case.chain)
    package = case.package
    if moved is None or moved.kind not in _STAGE_KINDS or not moved.facts.get("refusal"):
        return None
    if package.stage != moved.stage:
        return None
    before = _stood_before(case.chain, moved)
    stage = before.stage or case.spec.first_stage
    reason = _text(f"{REFUSAL}{moved.facts['refusal']} (promoted by {short(moved.who)})")
    cycle = LifeCycle(stage, before.stage_status or StageStatus.REJECTED.value, reason)
    stamp = Entered.parse(before.entered) or Entered(stage, now)
    return UpdateVersion(package.arn, package.version, life_cycle=cycle, entered=stamp, is_decision=True)


def _stood_before(chain: Sequence[Entry], moved: Entry) -> Snapshot:
    """See a version where it last stood by right, before a move: one that was refused earlier is no such place."""
    refused = {(e.seen.stage, e.seen.entered) for e in chain if e.kind in _STAGE_KINDS and e.facts.get("refusal")}
    earlier = (e.seen for e in reversed(chain) if e.seq < moved.seq)
    return next((seen for seen in earlier if (seen.stage, seen.entered) not in refused), Snapshot())


def _bring_heir(case: Case) -> UpdateVersion | None:
    package, environment = case.package, case.environment
    is_serving = package.stage_status in (StageStatus.APPROVED, StageStatus.IN_PROGRESS)
    if environment is None or not is_serving or package.approval_status is not ApprovalStatus.REJECTED:
        return None
    if case.heir is None or desired(case.standing, environment.stage) is not None:
        return None
    entered = case.heir.entered
    if case.heir.stage == environment.stage and entered and entered.at >= package.modified_at:
        return None  # it came for this very rejection, and failed; what failed is not tried again by itself
    by = short(package.modified_by.arn)
    reason = _text(f"v{package.version} was rejected by {by}: {package.approval_description or 'no reason was given'}")
    # Stamped with the time of the rejection, from which it follows; `decided_after` keeps it behind what stands there.
    return entry_into(environment.stage, case.heir, reason, decided_after(package.modified_at, case.standing))


def _stamp(case: Case) -> UpdateVersion | None:
    moved = _last_position(case.chain)
    package, cycle = case.package, case.package.life_cycle
    if moved is None or moved.kind not in _STAGE_KINDS or cycle is None or case.environment is None:
        return None
    if moved.stage != cycle.stage or moved.token == str(package.entered or ""):
        return None
    if not package.is_approved or cycle.status in (StageStatus.REJECTED, StageStatus.RETIRED):
        return None
    pending = replace(cycle, status=StageStatus.IN_PROGRESS.value)
    stamp = Entered.parse(moved.token)
    return UpdateVersion(package.arn, package.version, life_cycle=pending, entered=stamp, is_decision=True)


def _enter_on_approval(case: Case) -> UpdateVersion | None:
    package = case.package
    approval = _last(case.chain, frozenset({EntryKind.APPROVED}))
    if not package.is_approved or not package.is_usable or approval is None or approval.facts.get("refusal"):
        return None
    entered = {entry.stage for entry in case.chain if entry.seq > approval.seq}
    environment = entered_by_approval(case.spec, package, entered)
    if environment is None:
        return None
    reason = _text(f"approved by {short(approval.who)}: {approval.why}")
    # Stamped with the time of the approval: of two versions the one approved last wins, whichever is reviewed last.
    return entry_into(environment.stage, package, reason, approval.at)


def entered_by_approval(spec: RegistrySpec, package: ModelPackage, but: Collection[str] = ()) -> EnvironmentSpec | None:
    """Give the environment that a version enters by being approved; None when there is none to enter now.

    Args:
        spec: The declaration.
        package: The version. While it is on its way into a stage, or has failed there, it enters no other.
        but: Stages that it has entered since it was approved.
    """
    if package.stage and spec.environment_of(package.stage) and package.stage_status != StageStatus.APPROVED:
        return None
    order = spec.stages.index
    here = order(package.stage) if package.stage in spec.stages else -1
    waiting = [
        env
        for env in spec.environments.values()
        if env.enter is Enter.ON_APPROVAL and order(env.stage) > here and env.stage not in but
    ]
    return min(waiting, key=lambda env: order(env.stage), default=None)


def entry_into(stage: str, package: ModelPackage, reason: str, now: datetime) -> UpdateVersion:
    """Put a version into a stage that an environment serves: its rollout is pending from now on."""
    cycle = LifeCycle(stage, StageStatus.IN_PROGRESS.value, reason)
    return UpdateVersion(package.arn, package.version, life_cycle=cycle, entered=Entered(stage, now))


def _text(text: str) -> str:
    """Fit a text into SageMaker's descriptions, which take 1,024 characters and no line breaks."""
    return " ".join(text.split())[:_TEXT_LIMIT]


def is_admitted(package: ModelPackage, chain: Sequence[Entry]) -> bool:
    """Tell whether the decision that put a version into its stage was reviewed, and nothing was held against it."""
    stamp = str(package.entered or "")
    entry = next((e for e in reversed(chain) if e.kind in _STAGE_KINDS and e.token == stamp), None)
    last = _last_position(chain)  # a later move by hand that is still to be stamped supersedes it
    is_standing = last is not None and last.token == stamp
    return entry is not None and bool(stamp) and is_standing and not entry.facts.get("refusal")


def wants_reconciling(case: Case) -> bool:
    """Tell whether the environment of the version's stage may have something to do because of it.

    It has not while an approved version is not admitted: whoever reconciles would only ask for this review again.
    """
    package = case.package
    if case.environment is None or (package.is_approved and package.stage_status == StageStatus.APPROVED):
        return False
    return not package.is_approved or is_admitted(package, case.chain)
