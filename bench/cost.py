"""`python -m bench.cost`: synthesize registries of some sizes and write docs/cost.md."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from modelward_infra import App, build
from modelward_infra.cost import RESOURCES, Usage, Visit, price_table, table, usage
from modelward_infra.prices import DATE, REGION

PATH = Path(__file__).resolve().parent.parent / "docs" / "cost.md"
SIZES = (1, 100, 5_000)

_TEXT = """\
# What it costs when nothing happens

`python -m bench.cost` writes this file from the synthesized templates; edit `bench/cost.py`, or `cost.py` and
`prices.py` in `infra/modelward_infra`. For your own declaration, beside its `app.py`:

```sh
CDK_OUTDIR=cdk.out python app.py
python -m modelward_infra.cost cdk.out
```

One account, two environments, no endpoint, no version registered, approved or rolled out. US dollars for {region}
at the prices of {date}, and in brackets how many:

{table}

Most of it in a small registry are the dashboard and the alarms, of which an account has three and ten for nothing, then
the key, then Lambda, which looks into two queues all day. The rest is the sweep: it visits each model every quarter
of an hour, 2,920 times a month, so it grows with the models and with nothing else.
Of one visit we assume {seconds} seconds of a function with {gb} GB, a message that shares its batch with no other, and
a ledger that is read once and once for each environment. The key costs a dollar more after each of its first two
yearly rotations.

**Not in it:** endpoints, which cost by the hour (the templates have none: the first version that enters a stage makes
one); artifacts and history by what they take up, some cents for each GB; the webhook's secret, 0.40; whatever the CDK's
bootstrap stack holds.

## Unit prices

Approximate, for {region}, as known in {date}. Those marked "no" were taken from descriptions of the page, not from a
copy of the page itself.

{prices}

## Types of resources

A type that is not here has no price, and the command above refuses it.

| type | costs |
| --- | --- |
{types}
"""


def declaration(models: int) -> str:
    """Write a registry of so many models in two environments, none of them served."""
    return (
        f'[registry]\nname = "acme"\ngroup_stacks = {1 + models // 250}\n'
        'stages = ["Development", "Staging", "Production", "Archived"]\n'
        '[environments.staging]\nstage = "Staging"\n[environments.production]\nstage = "Production"\n'
        '[notifications]\nemail = ["ml-platform@example.com"]\n'
        + "".join(f'[models.model-{number:04d}]\nowner = "team"\n' for number in range(models))
    )


def measure(models: int) -> Usage:
    """Count what the stacks of so many models use in a month without traffic."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "registry.toml"
        spec.write_text(declaration(models), encoding="utf-8")
        # Whether CloudFormation takes so many in one stack is another question than what they cost.
        app = App(outdir=str(folder / "cdk.out"))
        build(app, spec)
        app.synth()
        return usage(folder / "cdk.out")


def render(sizes: Mapping[int, Usage]) -> str:
    """Write the document about the usage of registries, by the number of their models."""
    columns = {f"{models:,} model{'' if models == 1 else 's'}": used for models, used in sizes.items()}
    types = (f"| `{kind}` | {'see the table' if callable(why) else why} |" for kind, why in sorted(RESOURCES.items()))
    return _TEXT.format(
        table=table(columns),
        prices=price_table(),
        types="\n".join(types),
        seconds=Visit().seconds,
        gb=Visit().gb,
        region=REGION,
        date=DATE,
    )


if __name__ == "__main__":
    PATH.write_text(render({models: measure(models) for models in SIZES}), encoding="utf-8")
