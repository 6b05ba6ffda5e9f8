"""Playing the scenes."""

from rich.console import Console

from modelward.cli.context import Context, require_extra


def run(_context: Context) -> int:
    """Play the whole life of a model on this laptop.

    Returns:
        The exit code: 0 only if every check holds.

    Raises:
        CheckError: one does not.
    """
    require_extra("demo", "demo", "ministack", "hypercorn", "moto", "aws_cdk", "cdk_nag", "sklearn")
    from modelward.cli.demo import scenes
    from modelward.cli.demo.narrator import Narrator
    from modelward.cli.demo.stagehand import stage

    narrator = Narrator(Console(soft_wrap=True))
    played = (
        ("Deploy the stacks", scenes.deploy_the_stacks),
        ("Train two models and register them", scenes.register_two),
        ("Compare them", scenes.compare_them),
        ("Approve, promote, deploy, verify", scenes.release_both),
        ("Predict", scenes.predict),
        ("Refuse a bad one", scenes.refuse_a_bad_one),
        ("Catch one that fails its callers", scenes.catch_one_that_fails_its_callers),
        ("Roll back", scenes.roll_back),
        ("Tell the history", scenes.tell_the_history),
    )
    with stage(narrator) as hand:
        for number, (title, scene) in enumerate(played, 1):
            narrator.scene(number, title)
            scene(hand)
    narrator.say(f"\nAll {narrator.checks} checks hold. Nothing is left running.")
    return 0
