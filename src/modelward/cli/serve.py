"""The command that serves a stage: serve."""

from modelward.cli.context import Context, require_extra


def serve(context: Context, *, model: str, stage: str, host: str, port: int, poll_seconds: float) -> None:
    """Serve the version that a stage has."""
    require_extra("serve", "serving", "fastapi", "uvicorn")
    from modelward.serving.run import Listen, serve_stage

    serve_stage(context.model(model), stage, Listen(host, port, poll_seconds), context.terminal.say)
