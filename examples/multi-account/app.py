"""The CDK app of a registry with environments in accounts of their own: `cdk deploy --all` deploys all of it."""

from pathlib import Path

from modelward_infra import App, build, check

app = App()
build(app, Path(__file__).with_name("registry.toml"))
check(app)
app.synth()
