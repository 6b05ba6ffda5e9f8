"""The declaration that most tests begin with: one model, gates, a serverless endpoint and one on instances."""

PLACES = """
[registry]
name   = "acme"
stages = ["Development", "Staging", "Production", "Archived"]
[environments.staging]
stage = "Staging"
enter = "on-approval"
[environments.production]
stage = "Production"
"""
MODEL = """[models.digits]
owner = "vision-team"
"""
GATES = """[models.digits.gates]
accuracy = { at_least = 0.90, worse_than_live_by_at_most = 0.01 }
log_loss = { at_most = 0.50 }
"""
ENDPOINTS = """[models.digits.endpoints.staging]
serverless = { memory_mb = 2048, max_concurrency = 5 }
[models.digits.endpoints.production]
instance_type  = "ml.m5.large"
instance_count = 2
"""
EMAIL = """[notifications]
email = ["ml-platform@example.com"]
"""
DIGITS = PLACES + MODEL + GATES + ENDPOINTS
