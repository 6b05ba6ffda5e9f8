"""The table of commands: plain data, from which parser, help and docs/cli.md are made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelward.cli import kinds


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command.

    Args:
        name: `model` for a positional one, `--reason` for an option.
        help: What it means, one line.
        value: How help calls its value; empty for a switch.
        kind: Reads the value.
        default: What the command gets when it is left out; a positional one that has a default may be left out.
        is_required: Whether an option must be given.
        is_repeated: Whether it may be given several times; the command gets a list.
    """

    name: str
    help: str
    value: str = ""
    kind: Callable[[str], Any] = str
    default: Any = None
    is_required: bool = False
    is_repeated: bool = False

    @property
    def is_option(self) -> bool:
        """Whether it is given by name."""
        return self.name.startswith("--")

    @property
    def parameter(self) -> str:
        """The name of the parameter that the command's function has for it."""
        return self.name.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Args:
        name: What people type: `approve`, `local up`.
        summary: What it does, one line, imperative.
        runs: `module:function` below `modelward.cli`.
        arguments: What it takes, in the order of help.
        example: Lines that can be typed as they stand.
        more: What the summary leaves out, a paragraph.
    """

    name: str
    summary: str
    runs: str
    arguments: tuple[Argument, ...]
    example: str
    more: str = ""


def option(name: str, help: str, value: str, **more: Any) -> Argument:  # noqa: A002
    """Declare an option that takes a value."""
    return Argument(name, help, value, **more)


GLOBAL = (
    option("--registry", "the registry.toml to use; else it is looked for from this folder upwards", "PATH"),
    option("--profile", "the AWS profile to use; else the usual AWS configuration decides", "NAME"),
    option("--region", "the AWS region to use; else the usual AWS configuration decides", "NAME"),
    Argument("--debug", "show the traceback of an error", default=False),
)

_MODEL = Argument("model", "a model that registry.toml declares", "MODEL")
_MODELS = Argument("models", "the models to look at; without one all", "MODEL", default=(), is_repeated=True)
_VERSION = Argument("version", "the number of a version: 2 or v2", "VERSION", kinds.version)
_ENVIRONMENT = Argument("environment", "an environment that registry.toml declares", "ENVIRONMENT")
_STAGE = Argument("stage", "a stage that registry.toml declares", "STAGE")
_REASON = option("--reason", "why; it is kept with the version and in the history", "WHY", is_required=True)
_JSON = Argument("--json", "print JSON for programs", default=False)
_PLAN = Argument("--plan", "print the calls that would be made, and make none", default=False)
_CHANGE = (_PLAN, _JSON)

_REGISTER = (
    _MODEL,
    option(
        "--artifact", "the model.tar.gz: a path, an s3:// URI, or dvc://PATH@REVISION", "PATH|URI", is_required=True
    ),
    option("--image", "URI of the container image that serves it; else that of registry.toml", "URI", default=""),
    option("--metric", "a figure, such as accuracy=0.97", "NAME=NUMBER", kind=kinds.figure, is_repeated=True),
    option("--metrics", "a JSON file of figures by name; --metric wins over it", "FILE"),
    option("--dataset-name", "the data it was trained on: what people call them", "NAME", default=""),
    option("--dataset-version", "which state of the data", "VERSION", default=""),
    option("--dataset-uri", "where the data lie", "URI", default=""),
    option("--dataset-sha256", "digest of the data, 64 hexadecimal digits", "HEX", default=""),
    option("--smoke", "a JSON file: a sample payload and the answer to expect of endpoints", "FILE"),
    option("--run", "the training job or pipeline run that made it", "ID", default=""),
    option("--parent", "the version that training went on from: 2 or v2", "VERSION", kind=kinds.version),
    option("--notes", "what an approver should know", "TEXT", default=""),
    option("--metadata", "further metadata of your own", "KEY=VALUE", kind=kinds.pair, is_repeated=True),
    *_CHANGE,
)
_PROMOTE = (
    Argument("model", "a model that registry.toml declares", "MODEL", default=""),
    Argument("version", "the number of a version: 2 or v2", "VERSION", kinds.version, default=0),
    Argument("stage", "a stage that registry.toml declares", "STAGE", default=""),
    option("--reason", "why; it is kept with the version and in the history", "WHY", default=""),
    option("--from-tag", "a git tag that names a stage, instead of all of these; also refs/tags/…", "TAG", default=""),
    *_CHANGE,
)
_TAG = (
    _MODEL,
    Argument("version", "the number of a version; without one tags are listed", "VERSION", kinds.version, default=0),
    option("--stage", "the stage to which the tag assigns the version", "STAGE", default=""),
    Argument("--deprecate", "take back: the version, its stage, or without a version the model", default=False),
    option("--message", "what the tag says; a promotion takes it as its reason", "TEXT", default=""),
    *_CHANGE,
)
_DEPLOY = (
    _MODEL,
    _ENVIRONMENT,
    Argument("--no-wait", "return once the rollout is asked for", default=False),
    option("--timeout", "how long to wait for the rollout", "SECONDS", kind=kinds.seconds, default=3600),
    *_CHANGE,
)
_ROLL_BACK = (
    _MODEL,
    _ENVIRONMENT,
    _REASON,
    option("--to", "the version to go back to; else the one that was verified before", "VERSION", kind=kinds.version),
    *_CHANGE,
)
_SHARE = (
    _MODEL,
    _ENVIRONMENT,
    Argument(
        "percent", "how many calls of a hundred the version that is tried shall take", "PERCENT", kinds.whole(1, 99)
    ),
    _REASON,
    *_CHANGE,
)
_FINISH = (_MODEL, _ENVIRONMENT, _VERSION, _REASON, *_CHANGE)
_TRANSFORM = (
    _MODEL,
    option("--input", "what the objects to answer begin with: s3://BUCKET/PREFIX", "URI", is_required=True),
    option("--stage", "the stage whose version answers", "STAGE", default=""),
    option("--version", "the version that answers, instead of --stage: 2 or v2", "VERSION", kind=kinds.version),
    option("--output", "below what the answers go; else below transform/ in the registry's bucket", "URI", default=""),
    option("--instance-type", "on instances of which type", "TYPE", default="ml.m5.large"),
    option("--instance-count", "on how many instances", "N", kind=kinds.whole(1), default=1),
    option("--content-type", "MIME type of the objects", "TYPE", default="text/csv"),
    option(
        "--split-type",
        "Line to ask with some lines at a time, None with a whole object",
        "Line|None",
        kind=kinds.one_of("Line", "None"),
        default="Line",
    ),
    Argument("--no-wait", "return once the job has begun", default=False),
    option("--timeout", "how long to wait for the job", "SECONDS", kind=kinds.seconds, default=86_400),
    *_CHANGE,
)
_SERVE = (
    _MODEL,
    option("--stage", "the stage whose version is served", "STAGE", is_required=True),
    option("--host", "the address to listen on", "ADDRESS", default="127.0.0.1"),
    option("--port", "the port to listen on; 0 for a free one", "PORT", kind=kinds.whole(0, 65535), default=8080),
    option("--poll-seconds", "how often the registry is asked", "SECONDS", kind=kinds.seconds, default=15),
    Argument("--no-report", "do not report once a minute what is served, for modelward status", default=False),
)
_ADOPT = (
    Argument("groups", "the groups to look at; without one all", "GROUP", default=(), is_repeated=True),
    Argument("--write", "add what is missing to the end of registry.toml; nothing else in it changes", default=False),
    Argument("--plan", "print what would be added, and write nothing (as without --write)", default=False),
    _JSON,
)
_UP = (
    option("--port", "the port to listen on; else a free one", "PORT", kind=kinds.whole(1, 65535)),
    Argument("--bare", "start without deploying the app.py of this folder", default=False),
)

COMMANDS = (
    Command(
        "init",
        "Write registry.toml, app.py and cdk.json for a new team.",
        "starting:init",
        (Argument("folder", "where to write them", "FOLDER", default="."), _PLAN, _JSON),
        "modelward init my-registry",
        "A file that is there already is never overwritten: then nothing is written at all.",
    ),
    Command(
        "adopt",
        "List the groups that an account has, and declare those that registry.toml does not.",
        "adopting:adopt",
        _ADOPT,
        "modelward adopt\nmodelward adopt churn fraud --write",
        "They are declared with existing = true: no stack makes, changes or removes them. The owner is taken to be who "
        "registered the last version; correct it. Counts come from SageMaker's search index, which may lag.",
    ),
    Command(
        "plan",
        "Compare registry.toml with the account, before a deployment.",
        "adopting:plan",
        (_JSON,),
        "modelward plan",
        "Exits with 13 when something is in the way: a group that no stack of this registry owns, one "
        "that is declared as existing and is not there, an endpoint that cannot become what is declared.",
    ),
    Command(
        "register",
        "Register an artifact as a new version of a model.",
        "registering:register",
        _REGISTER,
        "modelward register digits --artifact build/model.tar.gz \\\n"
        "    --image 246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3 \\\n"
        "    --metric accuracy=0.973 --metric log_loss=0.11 \\\n"
        "    --dataset-name digits --dataset-version 1.0 --notes baseline",
        "Commit, branch and whether the working tree was clean are recorded unasked. The same artifact with the same "
        "metadata, registered twice, is one version.",
    ),
    Command(
        "versions",
        "List the versions of a model, newest first.",
        "reading:versions",
        (_MODEL, _JSON),
        "modelward versions digits",
        "A * marks the best figure of each metric whose direction a gate declares.",
    ),
    Command(
        "show",
        "Show everything about one version.",
        "reading:show",
        (_MODEL, _VERSION, _JSON),
        "modelward show digits 2",
    ),
    Command(
        "record",
        "Tell what was recorded of the run that made a version.",
        "reading:record",
        (_MODEL, _VERSION, _JSON),
        "modelward record digits 2",
        "Parameters, datasets, packages, hardware, schema and duration, as `modelward.track` noticed them.",
    ),
    Command(
        "lineage",
        "Tell what a version came from and where it serves, or what came of data or code.",
        "reading:lineage",
        (
            Argument("model", "a model that registry.toml declares", "MODEL", default=""),
            Argument("version", "the number of a version: 2 or v2", "VERSION", kinds.version, default=0),
            option(
                "--of",
                "instead of a version: a URI of data, a commit, or sha256: and the digest of data, artifact or changes",
                "WHAT",
                default="",
            ),
            option("--html", "write a picture there, which any browser shows, instead of printing", "FILE", default=""),
            _JSON,
        ),
        "modelward lineage digits 2\nmodelward lineage --of s3://acme-data/digits/train.csv",
        "With --of it finds all versions whose first dataset has this URI or is a folder around it, this digest, or "
        "whose code stood at this commit, and the environments that serve them now.",
    ),
    Command(
        "status",
        "Tell how models stand in their environments: what serves, what should, what is wrong and what to do.",
        "reading:status",
        (
            Argument("models", "models that registry.toml declares; all when none is named", "MODEL", is_repeated=True),
            Argument("--watch", "look every two seconds until all is served as it should be", default=False),
            _JSON,
        ),
        "modelward status\nmodelward status digits --watch",
        "It asks the search index, which may lag behind by moments. Percent is how much of the new version's capacity "
        "takes traffic; the time left goes by the rollout before. On a pipe --watch prints a line for each change.",
    ),
    Command(
        "compare",
        "Compare two versions: figures, gates, lineage, and which one should go to production.",
        "reading:compare",
        (
            _MODEL,
            Argument("a", "the one version", "A", kinds.version),
            Argument("b", "the other version", "B", kinds.version),
            _JSON,
        ),
        "modelward compare digits 1 2",
    ),
    Command(
        "approve",
        "Approve a version.",
        "deciding:approve",
        (_MODEL, _VERSION, _REASON, *_CHANGE),
        'modelward approve digits 2 --reason "better on every digit"',
        'An environment that says enter = "on-approval" then serves it by itself.',
    ),
    Command(
        "reject",
        "Reject a version.",
        "deciding:reject",
        (_MODEL, _VERSION, _REASON, *_CHANGE),
        'modelward reject digits 3 --reason "trained on spoiled labels"',
        "Rejecting the live version brings back the one that was verified before it.",
    ),
    Command(
        "promote",
        "Put an approved version into a stage.",
        "deciding:promote",
        _PROMOTE,
        'modelward promote digits 2 Production --reason "a week in staging without findings"\n'
        'modelward promote --from-tag "$GITHUB_REF"',
        "The gates must hold if an environment serves the stage. The environment is updated by itself; the version "
        "counts as its holder once that is verified. A tag such as digits#production#3 names model and stage, and the "
        "version that was registered from its commit; the tag's message is the reason.",
    ),
    Command(
        "tag",
        "Tell git what a version is: write tags in GTO's grammar, or list them.",
        "tagging:tag",
        _TAG,
        "modelward tag digits\nmodelward tag digits 3\nmodelward tag digits 3 --stage Production",
        "It writes digits@v3.0.0 at the commit that version 3 was registered from, and digits#production#1 for a "
        "stage. The tags are this clone's until they are pushed.",
    ),
    Command(
        "current",
        "Show the version that a stage has now.",
        "reading:current",
        (_MODEL, _STAGE, _JSON),
        "modelward current digits Production",
        "Exits with 5 when no version holds the stage.",
    ),
    Command(
        "deploy",
        "Make an environment serve the version of its stage, and wait until that is verified.",
        "rollouts:deploy",
        _DEPLOY,
        "modelward deploy digits production",
    ),
    Command(
        "rollback",
        "Bring back the version that an environment served before.",
        "rollouts:rollback",
        _ROLL_BACK,
        'modelward rollback digits production --reason "errors on sevens"',
    ),
    Command(
        "ab share",
        "Give the version that is tried beside the live one another share of the calls.",
        "rollouts:share",
        _SHARE,
        'modelward ab share digits production 30 --reason "no complaints at 10"',
        'A trial begins when a version is promoted to an environment whose rollout has strategy = "ab".',
    ),
    Command(
        "ab finish",
        "Finish a trial of two versions: the one that is named takes all calls.",
        "rollouts:finish",
        _FINISH,
        'modelward ab finish digits production 2 --reason "more of its answers are taken"',
        "The version is the one that is tried or the live one; the other leaves the stage.",
    ),
    Command(
        "tidy",
        "Delete SageMaker models and endpoint configurations of former rollouts that nobody needs.",
        "rollouts:tidy",
        (_MODELS, *_CHANGE),
        "modelward tidy --plan",
        "The sweep does it by itself. What serves, what is being rolled out, what rollbacks need (kept_for_rollback) "
        "and what is younger than a day stays; versions and artifacts are never touched. It sees to the registry's "
        "own account.",
    ),
    Command(
        "history",
        "Tell who did what, when, why and on which figures, newest first.",
        "reading:history",
        (
            _MODEL,
            option("--limit", "how many entries", "N", kind=kinds.whole(1), default=50),
            _JSON,
        ),
        "modelward history digits --limit 20",
    ),
    Command(
        "download",
        "Download the artifact of a version and check its SHA-256.",
        "registering:download",
        (_MODEL, _VERSION, option("--to", "the folder to put it into", "FOLDER", is_required=True)),
        "modelward download digits 2 --to build/",
    ),
    Command(
        "reproduce",
        "Fetch the code, data and list of packages that a version was made of, and tell what is missing.",
        "registering:reproduce",
        (
            _MODEL,
            _VERSION,
            option("--to", "an empty or new folder; else MODEL-vVERSION below this one", "FOLDER", default=""),
            *_CHANGE,
        ),
        "modelward reproduce digits 2 --plan\nmodelward reproduce digits 2 --to again",
        "Code is a working tree of the repository around this folder, if that has the commit, else a clone of the "
        "recorded one. Data come from S3 and from files here; what has another digest is not kept. Exits with 15 when "
        "something is missing.",
    ),
    Command(
        "checkout",
        "Restore the model and the data of a version that DVC tracks.",
        "checking_out:checkout",
        (
            _MODEL,
            _VERSION,
            Argument("--force", "overwrite files that are something else now", default=False),
            *_CHANGE,
        ),
        "modelward checkout digits 2",
        "All of it is fetched from DVC's remote and held against its MD5 before anything here changes. "
        "Code and .dvc files stay as they are: git has them.",
    ),
    Command(
        "transform",
        "Have a version answer all objects below an S3 prefix, on instances of its own.",
        "transforming:transform",
        _TRANSFORM,
        "modelward transform digits --stage Production --input s3://acme-data/digits/2026-01/",
        "It is a batch transform job of SageMaker, whose name and tags tell model and version; each answer is beside "
        "the name of its object, with .out at the end. Stage, endpoints and history of the version stay as they are.",
    ),
    Command(
        "serve",
        "Serve the version that a stage has now over HTTP, and switch when it changes.",
        "serve:serve",
        _SERVE,
        "modelward serve digits --stage Production --port 8080\n"
        "curl -H 'content-type: application/json' -d '[[0, 0, 5]]' localhost:8080/invocations",
        "Routes: GET /ping, POST /invocations, GET /version. Needs modelward[serving].",
    ),
    Command(
        "local up",
        "Start a local AWS and deploy this folder's app.py to it.",
        "local:up",
        _UP,
        "modelward local up > local.env      # and, once it says Ready, in another terminal:\nsource local.env",
        "Once ready it prints the variables that a client needs, one export per line, and serves until interrupted. "
        "Needs modelward[infra,local].",
    ),
    Command(
        "local switch",
        "Let a local AWS fail, delay, forget, or get on with time.",
        "local:switch",
        (
            Argument("name", "which switch; without one they are listed, with what they take", "NAME", default=""),
            Argument("arguments", "what the switch takes", "KEY=VALUE", kind=kinds.pair, default=(), is_repeated=True),
        ),
        "modelward local switch fault operation=UpdateEndpoint kind=throttle call=2\n"
        'modelward local switch lose event="SageMaker Endpoint State Change"\n'
        "modelward local switch advance seconds=600",
        "It finds the local AWS by AWS_ENDPOINT_URL. The arguments account and region tell which SageMaker is meant.",
    ),
    Command(
        "demo",
        "Play the whole life of a model on this laptop, without an AWS account.",
        "demo:run",
        (),
        "modelward demo",
        "Needs modelward[demo].",
    ),
)
