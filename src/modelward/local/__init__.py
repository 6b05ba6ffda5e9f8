"""AWS on a laptop: the one part that exists nowhere else, and what plugs it into those that do.

`sagemaker` is a SageMaker registry with endpoints, a pure state machine on an injected clock. Two thin fronts serve
it: `moto` in-process, inside `mock_aws`; `ministack` over HTTP, beside the queues, functions, tables and stacks that
MiniStack runs. `hosting` gives endpoints real containers, a process each. Nothing above `aws/` can tell any of it from
AWS, and nothing here knows the services, handlers or commands that use it. Both fronts ask `gate` whether a caller may:
`authorisation` lists what a call needs leave for, MiniStack's evaluator decides.

What belongs to AWS goes into `sagemaker`, with its source; what belongs to moto or MiniStack goes into its front, and
their private names nowhere else.
"""
