"""`python -m bench.synthesis MODELS`: synthesize a registry of so many models with an endpoint each; JSON on stdout."""

import json
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

_HEAD = """
[registry]
name = "acme"
stages = ["Development", "Staging", "Production", "Archived"]
group_stacks = {stacks}
[environments.production]
stage = "Production"
"""
_MODEL = """
[models.churn-prediction-{number:05d}]
owner = "team"
[models.churn-prediction-{number:05d}.endpoints.production]
instance_type = "ml.m5.large"
"""
_MODELS_PER_STACK = 250


def declaration(models: int) -> str:
    """Write a registry.toml."""
    stacks = max(1, models // _MODELS_PER_STACK)
    return _HEAD.format(stacks=stacks) + "".join(_MODEL.format(number=number) for number in range(models))


def main(models: int) -> dict[str, float]:
    """Synthesize as app.py does, cdk-nag included."""
    with TemporaryDirectory() as folder:
        spec = Path(folder) / "registry.toml"
        spec.write_text(declaration(models), encoding="utf-8")
        began = perf_counter()
        _synthesize(spec)
        took_s = perf_counter() - began
        counts = [_resources(path) for path in Path(folder).glob("cdk.out/*.template.json")]
    return {
        "took_s": took_s,
        "resources": sum(counts),
        "in_fullest_stack": max(counts),
        "python_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _synthesize(spec: Path) -> None:
    from modelward_infra import App, build, check

    app = App(outdir=str(spec.with_name("cdk.out")))
    build(app, spec)
    check(app)
    app.synth()


def _resources(template: Path) -> int:
    return len(json.loads(template.read_text(encoding="utf-8"))["Resources"])


if __name__ == "__main__":
    json.dump(main(int(sys.argv[1])), sys.stdout)
