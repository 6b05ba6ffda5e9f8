"""The CDK app of this registry: `cdk diff` shows what a change of registry.toml does, `cdk deploy --all` does it."""

from pathlib import Path

from modelward_infra import App, build, check

app = App()
build(app, Path(__file__).with_name("registry.toml"))
check(app)
app.synth()
