"""The command that serves a stage: serve."""

from modelward.cli.context import Context, require_extra


def serve(
    context: Context, *, model: str, stage: str, host: str, port: int, poll_seconds: float, no_report: bool
) -> None:
    """Serve the version that a stage has."""
    require_extra("serve", "serving", "fastapi", "uvicorn")
    from modelward.serving.run import Listen, serve_stage

    listen = Listen(host, port, poll_seconds, is_reporting=not no_report)
    serve_stage(context.model(model), stage, listen, context.terminal.say)
