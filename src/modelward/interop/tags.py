"""Git tags that name versions and stages, in GTO's grammar.

`digits@v3.0.0` names a version, `digits#production#4` assigns it a stage, `!` before the counter takes either back, and
`digits@deprecated` takes back the model. The counter may be missing. Source: https://dvc.org/doc/gto, and GTO 1.10.

A tag points at a commit, and means the version that was registered from that commit. Where several were, the version
tags at the commit tell: `digits@v3.0.0` is version 3. Where that does not settle it, nothing is guessed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelward.core.errors import InputError, NotFoundError
from modelward.interop.repository import commit_of
from modelward.services.git import git
from modelward.services.registry import Registry, Version

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?"
_NUMBER = r"(?:0|[1-9]\d*)"
_PRE = rf"(?:{_NUMBER}|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMVER = rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PRE}(?:\.{_PRE})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
_TAG = re.compile(
    rf"(?P<artifact>(?:[a-zA-Z0-9_./-]+=)?{_NAME})"
    rf"(?:(?:#(?P<stage>{_NAME})|@(?P<version>{_SEMVER}))(?P<cancelled>!?)|@(?P<whole>deprecated|created))"
    r"(?:#(?P<counter>[0-9]+))?",
    re.ASCII,
)
_REF = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Tag:
    """What the name of a tag says.

    Args:
        artifact: The model, in GTO's words the artifact; with a folder before `:` where GTO has one.
        version: Such as `v3.0.0`; empty when it names none.
        stage: The stage; empty when it names none.
        counter: The number at the end; None when it is missing.
        is_cancelled: Whether it takes back; without version and stage it is the model.
    """

    artifact: str
    version: str = ""
    stage: str = ""
    counter: int | None = None
    is_cancelled: bool = False

    @classmethod
    def parse(cls, text: str) -> "Tag | None":
        """Read the name of a tag, also as a ref (`refs/tags/…`); None when it is not in GTO's grammar."""
        match = _TAG.fullmatch(text.removeprefix(_REF))
        if match is None or match["whole"] == "created":
            return None
        counter = int(match["counter"]) if match["counter"] else None
        is_cancelled = match["cancelled"] == "!" or match["whole"] == "deprecated"
        name = match["artifact"].replace("=", ":")
        return cls(name, match["version"] or "", match["stage"] or "", counter, is_cancelled)

    def __str__(self) -> str:
        """Spell it as the name of a tag."""
        what = f"#{self.stage}" if self.stage else f"@{self.version or 'deprecated'}"
        is_marked = self.is_cancelled and (self.stage or self.version)
        counter = "" if self.counter is None else f"#{self.counter}"
        return f"{self.artifact.replace(':', '=')}{what}{'!' if is_marked else ''}{counter}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A tag and the commit at which it points.

    Args:
        tag: What it says.
        commit: The commit.
        message: What is written on it.
    """

    tag: Tag
    commit: str
    message: str = ""

    @property
    def name(self) -> str:
        """The name of the tag."""
        return str(self.tag)

    def to_json(self) -> dict[str, str]:
        """Spell it for programs."""
        return {"tag": self.name, "commit": self.commit, "message": self.message}


@dataclass(frozen=True, slots=True)
class Wish:
    """What tags shall say of a version.

    Args:
        stage: The stage that it is assigned; empty for none.
        is_cancelled: Whether they take back: the stage, the version, or the model.
        message: What is written on them; a sentence is made when empty.
    """

    stage: str = ""
    is_cancelled: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a tag asks for: a version, a stage as registry.toml spells it, and why."""

    version: Version
    stage: str
    reason: str


def tags_of(folder: Path, model: str) -> list[Placed]:
    """List the tags of a clone that speak of a model, in the order in which they were made.

    Raises:
        InputError: there is no git repository.
    """
    form = "%(refname)%00%(objectname)%00%(*objectname)%00%(contents:subject)"
    told = git(folder, "for-each-ref", "--sort=creatordate", f"--format={form}", "refs/tags")
    if told is None:
        rule = "tags are those of the clone around the working folder"
        raise InputError("git", found=f"{folder} is no git repository", rule=rule, next_step="Call in a clone.")
    rows = [line.split("\0") for line in told.decode(errors="replace").splitlines()]
    parsed = ((Tag.parse(name), peeled or commit, subject) for name, commit, peeled, subject in rows)
    return [Placed(tag, commit, subject) for tag, commit, subject in parsed if tag and tag.artifact == model]


def plan_tags(registry: Registry, folder: Path, model: str, number: int, wish: Wish) -> list[Placed]:
    """Plan the tags that tell git of a version, and change nothing; a version tag that is there already is left out.

    Args:
        registry: The registry.
        folder: A folder of the clone.
        model: The model.
        number: The version; 0 for the model itself, which can only be taken back.
        wish: What else the tags shall say.

    Raises:
        InputError: there is no git repository, the version has no commit, or its tag is elsewhere.
        NotFoundError: the stage is not declared, there is no such version, or this clone lacks its commit.
    """
    there, line = tags_of(folder, model), registry.model(model)
    stage = _declared("--stage", wish.stage, registry.spec.stages) if wish.stage else ""
    if not number:
        return [_deprecation(folder, model, wish)]
    package = line.version(number).package
    if not package.commit:
        rule = "a tag points at the commit from which a version was registered"
        raise InputError(f"v{number} of {model}", found="no commit was recorded", rule=rule)
    commit, version = commit_of(folder, package.commit), f"v{number}.0.0"
    if wish.is_cancelled and not stage:
        return [Placed(Tag(model, version, is_cancelled=True), commit, wish.message or f"{version} is taken back")]
    named = Placed(Tag(model, version), commit, wish.message or package.notes or f"v{number} of {model}")
    new = [] if wish.is_cancelled else _unless_there(named, there)
    return [*new, _assignment(there, commit, number, replace(wish, stage=stage), model)] if stage else new


def _deprecation(folder: Path, model: str, wish: Wish) -> Placed:
    if wish.stage or not wish.is_cancelled:
        rule = "a tag that assigns a stage is for a version"
        raise InputError("VERSION", found="none", rule=rule, next_step=f"modelward tag {model} VERSION --stage STAGE")
    return Placed(Tag(model, is_cancelled=True), commit_of(folder, "HEAD"), wish.message or f"{model} is deprecated")


def _assignment(there: Sequence[Placed], commit: str, number: int, wish: Wish, model: str) -> Placed:
    """Make the tag of a stage; as with GTO its counter goes on from the highest of the model."""
    counter = 1 + max((each.tag.counter or 0 for each in there), default=0)
    said = wish.message or f"v{number} {'leaves' if wish.is_cancelled else 'goes to'} {wish.stage}"
    return Placed(Tag(model, "", wish.stage.lower(), counter, wish.is_cancelled), commit, said)


def write(folder: Path, planned: Sequence[Placed]) -> None:
    """Write tags, annotated as GTO wants them.

    Raises:
        InputError: git refuses one, for instance because a tag of that name is there or nobody is named as its author.
    """
    for each in planned:
        if git(folder, "tag", "--annotate", f"--message={each.message}", each.name, each.commit) is None:
            step = f"See what it says: git tag -a -m x '{each.name}' {each.commit[:10]}"
            raise InputError(f"tag {each.name}", found="git refuses it", rule="git writes tags", next_step=step)


def promotion(registry: Registry, folder: Path, text: str) -> Promotion:
    """Tell which promotion a tag asks for.

    Args:
        registry: The registry.
        folder: A folder of the clone, which has the tag.
        text: Its name, also as a ref (`refs/tags/…`).

    Raises:
        InputError: it is no tag that assigns a stage, or several versions were registered from its commit.
        NotFoundError: there is no such tag, model or stage, or no version was registered from its commit.
    """
    name = text.removeprefix(_REF)
    tag = Tag.parse(name)
    if tag is None or not tag.stage or tag.is_cancelled:
        rule = "a promotion is a tag such as digits#production#3, which assigns a stage"
        raise InputError("tag", found=repr(name), rule=rule, next_step="modelward tag MODEL VERSION --stage STAGE")
    model = registry.model(tag.artifact)
    stage = _declared(name, tag.stage, registry.spec.stages)
    commit = commit_of(folder, _REF + name)
    there = tags_of(folder, model.name)
    found = model.of_commit(commit)
    said = next((each.message for each in there if each.name == name), "")
    return Promotion(_one(name, commit, found, there), stage, f"git tag {name}{': ' * bool(said)}{said}")


def _one(name: str, commit: str, found: Sequence[Version], there: Sequence[Placed]) -> Version:
    if not found:
        step = "Register in a clone at that commit, or move the tag. SageMaker's index may lag by moments."
        raise NotFoundError("version that was registered from commit", commit, next_step=step)
    if len(found) == 1:
        return found[0]
    cancelled = {each.tag.version for each in there if each.tag.is_cancelled}
    named = {each.tag.version for each in there if each.commit == commit and not each.tag.stage} - cancelled
    chosen = [version for version in found if f"v{version.version}.0.0" in named]
    if len(chosen) == 1:
        return chosen[0]
    listed = ", ".join(f"v{version.version}" for version in found)
    rule = "a tag means one version"
    step = "Name it with a tag of its own at that commit: `modelward tag MODEL VERSION`."
    raise InputError(
        f"tag {name}", found=f"{listed} were registered from commit {commit[:10]}", rule=rule, next_step=step
    )


def _unless_there(named: Placed, there: Sequence[Placed]) -> list[Placed]:
    same = [each for each in there if each.tag.version == named.tag.version and not each.tag.is_cancelled]
    elsewhere = next((each for each in same if each.commit != named.commit), None)
    if elsewhere:
        found = f"it is there, at commit {elsewhere.commit[:10]}"
        rule = f"v{named.tag.version[1:]} was registered from {named.commit[:10]}"
        raise InputError(f"tag {elsewhere.name}", found=found, rule=rule, next_step=f"git tag -d '{elsewhere.name}'")
    return [] if same else [named]


def _declared(subject: str, stage: str, stages: Sequence[str]) -> str:
    """Find a stage however its letters are written: tags have small ones by custom."""
    found = next((each for each in stages if each.lower() == stage.lower()), None)
    if found is None:
        raise NotFoundError("stage", stage, known=stages, next_step=f"Correct the stage of {subject}.")
    return found
