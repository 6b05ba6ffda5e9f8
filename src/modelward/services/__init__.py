"""Use cases: what people, pipelines and events ask of the registry.

A service reads what it needs through the gateways, has `planning` decide, and hands the plan to `execution`, the one
place that turns planned changes into calls. `registry` is the face that the SDK shows; CLI, serving and handlers use
the same services. Everything a service needs is in the `Context` that `bootstrap` makes: gateways, the declaration,
the deployment's settings, and the clock.
"""
