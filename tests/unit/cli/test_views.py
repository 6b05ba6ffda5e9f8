"""What people read, compared as text."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

import pytest

from modelward.cli.terminal import Terminal
from modelward.cli.views import comparison, history, text, versions
from modelward.config.spec import Gate, ModelSpec
from modelward.core.gates import Verdict
from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import ApprovalStatus, Caller, LifeCycle, ModelPackage
from modelward.planning.comparison import compare

NOW = datetime(2026, 3, 2, 14, 3, 9, tzinfo=UTC)
GATES = {
    "accuracy": Gate("accuracy", at_least=0.9, worse_than_live_by_at_most=0.01),
    "log_loss": Gate("log_loss", at_most=0.5),
}
SPEC = ModelSpec("digits", "vision-team", gates=GATES)
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:"


def package(version: int, metrics: Mapping[str, float], **more: object) -> ModelPackage:
    extra: dict[str, str] = more.pop("metadata", {})  # type: ignore[assignment]
    fields: dict[str, object] = {
        "arn": f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/digits/{version}",
        "group": "digits",
        "version": version,
        "status": "Completed",
        "approval_status": ApprovalStatus.PENDING,
        "created_at": NOW + timedelta(days=version),
        "modified_at": NOW + timedelta(days=version),
        "created_by": Caller("arn:aws:iam::111122223333:user/ana"),
        "image": IMAGE + "1.4-2-cpu-py3",
        "metadata": {**{f"metric:{name}": str(value) for name, value in metrics.items()}, **extra},
    }
    return ModelPackage(**{**fields, **more})  # type: ignore[arg-type]


V1 = package(
    1,
    {"accuracy": 0.973, "log_loss": 0.11, "f1": 0.97},
    approval_status=ApprovalStatus.APPROVED,
    approval_description="fine",
    life_cycle=LifeCycle("Production", "Approved", "first"),
    commit="a" * 40,
    notes="baseline",
    metadata={"modelward:dataset-name": "digits", "modelward:dataset-version": "1.0", "modelward:branch": "main"},
)
V2 = package(
    2,
    {"accuracy": 0.981, "log_loss": 0.11},
    commit="b" * 40,
    metadata={"modelward:dirty": "true", "modelward:branch": "main"},
)
V3 = package(3, {"accuracy": 0.61, "log_loss": 1.5, "f1": 0.6})


def plain(*blocks: object) -> str:
    out = StringIO()
    Terminal(out, StringIO()).show(*blocks)  # type: ignore[arg-type]
    return out.getvalue()


def coloured(*blocks: object, width: int = 100) -> str:
    out = StringIO()
    Terminal(out, StringIO(), is_tty=True, width=width).show(*blocks)  # type: ignore[arg-type]
    return out.getvalue()


def row(shown: str, name: str) -> list[str]:
    """The cells of the row that begins with a name: columns are two spaces apart or more."""
    line = next(line for line in shown.splitlines() if line.strip().startswith(name))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_list_of_versions_shows_who_when_what_and_marks_the_best_figures() -> None:
    shown = plain(versions.listing(SPEC, [V3, V2, V1]))
    head = "VERSION APPROVAL STAGE accuracy log_loss WHEN (UTC) WHO COMMIT NOTES"
    assert " ".join(shown.splitlines()[0].split()) == head
    assert row(shown, "v1") == [
        *("v1", "Approved", "Production", "0.973", "0.11*", "2026-03-03 14:03", "ana"),
        *("aaaaaaaa", "baseline"),
    ]
    assert row(shown, "v2")[3:5] == ["0.981*", "0.11*"]
    assert "bbbbbbbb+changes" in row(shown, "v2")
    assert row(shown, "v3")[3:5] == ["0.61", "1.5"]


def test_a_model_without_gates_shows_every_registered_metric_and_marks_none() -> None:
    shown = plain(versions.listing(ModelSpec("digits", "team"), [V2, V1]))
    assert "accuracy" in shown
    assert "f1" in shown
    assert "*" not in shown


def test_a_band_has_no_best_figure() -> None:
    spec = ModelSpec("digits", "team", gates={"accuracy": Gate("accuracy", at_least=0.1, at_most=0.9)})
    assert "*" not in plain(versions.listing(spec, [V2, V1]))


def test_a_pipe_gets_one_line_for_each_version_however_long_its_notes() -> None:
    talkative = package(4, {}, notes="word " * 400)
    assert len(plain(versions.listing(SPEC, [talkative, V1])).splitlines()) == 3


def test_what_people_registered_cannot_drive_the_terminal() -> None:
    evil = package(4, {}, notes="\x1b[2J\x1b]0;owned\x07 [bold]x[/bold]\nsecond \u202eline")
    for shown in (plain(versions.listing(SPEC, [evil])), plain(versions.card(evil)), coloured(versions.card(evil))):
        assert "\x1b[2J" not in shown
        assert "\x07" not in shown
        assert "\u202e" not in shown
        assert "[bold]x[/bold] second" in shown


def test_a_terminal_gets_colours_and_a_pipe_gets_none() -> None:
    assert "\x1b[" in coloured(versions.listing(SPEC, [V1]))
    assert "\x1b[" not in plain(versions.listing(SPEC, [V1]))


def test_the_card_tells_everything_that_is_known_and_leaves_out_what_is_not() -> None:
    shown = plain(versions.card(V1))
    assert row(shown, "approval") == ["approval", "Approved", "fine"]
    assert row(shown, "stage") == ["stage", "Production/Approved", "first"]
    assert row(shown, "metrics") == ["metrics", "accuracy 0.973", "f1 0.97", "log_loss 0.11"]
    assert row(shown, "registered") == ["registered", "2026-03-03 14:03 UTC by ana"]
    assert row(shown, "dataset") == ["dataset", "digits 1.0"]
    assert "run" not in [line.split()[0] for line in shown.splitlines()]
    assert "metadata" not in shown


def test_the_card_of_a_version_that_is_not_finished_says_so() -> None:
    assert row(plain(versions.card(package(9, {}, status="Failed"))), "status") == ["status", "Failed"]


def test_compare_shows_both_figures_the_difference_and_whether_it_is_better() -> None:
    shown = plain(comparison.side_by_side(compare(SPEC, V1, V2, V1)))
    assert row(shown, "accuracy") == ["accuracy", "0.973", "0.981", "\u25b2 +0.008 better"]
    assert row(shown, "log_loss") == ["log_loss", "0.11", "0.11", "= equal"]
    assert row(shown, "f1") == ["f1", "0.97", "-", "only one has it"]


def test_lower_is_better_where_the_gate_says_so_and_unknown_directions_are_not_judged() -> None:
    shown = plain(comparison.side_by_side(compare(SPEC, V1, V3, None)))
    assert row(shown, "log_loss")[-1] == "\u25b2 +1.39 worse"
    assert row(shown, "f1")[-1] == "\u25bc -0.37"


def test_compare_shows_the_verdict_of_each_rule_under_its_version() -> None:
    shown = plain(comparison.side_by_side(compare(SPEC, V2, V3, V1)))
    assert "gates: live is v1" in shown
    assert row(shown, "accuracy at least 0.9") == ["accuracy at least 0.9", "\u2713 0.981", "\u2717 0.61"]
    assert row(shown, "accuracy worse than live by at most 0.01")[1:] == ["\u2713 0.981", "\u2717 0.61"]
    assert row(shown, "log_loss at most 0.5")[1:] == ["\u2713 0.11", "\u2717 1.5"]


def test_a_missing_figure_is_a_cross() -> None:
    shown = plain(comparison.side_by_side(compare(SPEC, V1, package(4, {}), None)))
    assert row(shown, "log_loss at most 0.5")[1:] == ["\u2713 0.11", "\u2717 no figure"]
    assert "gates: live is no version" in shown


def test_compare_shows_where_code_data_and_image_differ() -> None:
    shown = plain(comparison.side_by_side(compare(SPEC, V1, V2, V1)))
    assert row(shown, "commit")[1:] == ["aaaaaaaa", "bbbbbbbb+changes", "git diff aaaaaaaa bbbbbbbb"]
    assert row(shown, "branch")[1:] == ["main", "main", "same"]
    assert row(shown, "dataset")[1:] == ["digits 1.0", "-", "differs"]
    assert row(shown, "image")[1:] == ["sagemaker-scikit-learn:1.4-2-cpu-py3"] * 2 + ["same"]
    assert "run" not in shown


def test_images_that_differ_only_in_their_host_are_shown_whole() -> None:
    other = package(5, {}, image="example.org/sagemaker-scikit-learn:1.4-2-cpu-py3")
    shown = plain(comparison.side_by_side(compare(SPEC, V1, other, None)))
    assert row(shown, "image")[1:] == [
        IMAGE + "1.4-2-cpu-py3",
        "example.org/sagemaker-scikit-learn:1.4-2-cpu-py3",
        "differs",
    ]


def test_equal_commits_with_other_changes_differ() -> None:
    dirty = package(5, {}, commit="a" * 40, metadata={"modelward:dirty": "true"})
    clean = package(6, {}, commit="a" * 40, metadata={"modelward:dirty": "false"})
    assert row(plain(comparison.side_by_side(compare(SPEC, clean, dirty, None))), "commit")[-1] == "differs"


def test_the_recommendation_names_the_version_and_the_reason() -> None:
    said = plain(comparison.recommendation(compare(SPEC, V1, V2, V1)))
    assert said.startswith("v2 should go to production: both pass their gates, and v2 has the higher accuracy: 0.981")
    neither = plain(comparison.recommendation(compare(SPEC, V3, V3, None)))
    assert neither.startswith("Neither is recommended: v3: accuracy 0.61")


def entry(seq: int, kind: EntryKind, **more: object) -> Entry:
    fields: dict[str, object] = {
        "model": "digits",
        "version": 2,
        "seq": seq,
        "at": NOW + timedelta(minutes=seq),
        "kind": kind,
        "who": "arn:aws:sts::111122223333:assumed-role/approver/ana",
        "why": "better on every digit",
    }
    return Entry(**{**fields, **more})  # type: ignore[arg-type]


REFUSED = entry(
    3,
    EntryKind.REFUSED,
    stage="Production",
    verdicts=(Verdict("accuracy", "at_least", 0.9, 0.61, None, is_held=False),),
    figures={"accuracy": 0.61},
)


def test_a_pipe_gets_the_history_one_line_for_each_entry() -> None:
    shown = plain(history.lines([REFUSED, entry(1, EntryKind.APPROVED, figures={"accuracy": 0.981})]))
    assert shown.splitlines()[0].split() == ["TIME", "(UTC)", "WHO", "WHAT", "VERSION", "WHERE", "WHY", "FIGURES"]
    assert row(shown, "2026-03-02 14:04:09") == [
        *("2026-03-02 14:04:09", "ana", "approved", "v2", "-"),
        *("better on every digit", "accuracy 0.981"),
    ]
    assert len(shown.splitlines()) == 3


def test_a_terminal_gets_a_timeline_by_day() -> None:
    entries = [REFUSED, entry(1, EntryKind.VERIFIED, environment="production", at=NOW - timedelta(days=1))]
    shown = plain(history.timeline(entries))
    assert shown.splitlines() == [
        "Monday 2026-03-02  UTC",
        "  14:06:09  v2 refused for Production  by ana",
        "            better on every digit",
        "            accuracy 0.61",
        "            \u2717 accuracy 0.61, at least 0.9: refused",
        "",
        "Sunday 2026-03-01  UTC",
        "  14:03:09  v2 verified in production  by ana",
        "            better on every digit",
        "",
    ]


@pytest.mark.parametrize("kind", EntryKind)
def test_each_kind_of_entry_has_words(kind: EntryKind) -> None:
    about = "group " if kind is EntryKind.ADOPTED else "v2 "
    assert about in plain(history.timeline([entry(1, kind)]))


def test_an_entry_by_nobody_known_says_so() -> None:
    assert "by somebody unknown" in plain(history.timeline([entry(1, EntryKind.APPROVED, who="")]))


def test_a_long_reason_is_wrapped_under_itself() -> None:
    shown = coloured(history.timeline([entry(1, EntryKind.APPROVED, why="word " * 40)]), width=60)
    lines = [line for line in shown.splitlines() if "word" in line]
    assert len(lines) > 3
    assert all(line.startswith(" " * 12) for line in lines)


@pytest.mark.parametrize(
    ("arn", "person"),
    [
        ("arn:aws:iam::111122223333:user/team/ana", "ana"),
        ("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Science_0a1b/ana@example.com", "ana@example.com"),
        ("arn:aws:iam::111122223333:root", "root"),
        ("modelward", "modelward"),
        ("", ""),
        ("arn:aws:sts::111122223333:assumed-role/x/" + "f" * 40, "f" * 31 + "\u2026"),
    ],
)
def test_a_person_is_the_tail_of_the_arn(arn: str, person: str) -> None:
    assert text.person(arn) == person


def test_times_are_told_in_utc() -> None:
    assert text.moment(datetime(2026, 3, 2, 1, tzinfo=timezone(timedelta(hours=2)))) == "2026-03-01 23:00"
