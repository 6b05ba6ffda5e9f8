"""Decisions without effects: from what is declared and observed to a plan.

A change is a value before it is a call. Each module here takes facts that a service has read and returns values:

- `changes` and `plan`: what will be done, printed by `--plan`, compared by tests, carried out by `services.execution`;
- `gates`: whether a version may pass, figure by figure;
- `review`: what is new about a version, what the ledger shall say of it, and what the rules demand next;
- `scene`: one model in one environment, as observed;
- `rollout`: which version the environment should serve, and the one next move towards it; `steps` are its changes,
  `entries` what the ledger is told, `trial` a version beside the live one;
- `housekeeping`: which models and endpoint configs of former rollouts nobody needs any more;
- `footprint`: how many instances a rollout takes, and for how long at least;
- `comparison`: two versions side by side.

Both `review` and `rollout` are level-triggered: they look at what *is*, not at the event that woke them. Every move
is derived from SageMaker's fields and the ledger alone, so a move that was interrupted is simply derived again.
"""
