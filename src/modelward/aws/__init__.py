"""Typed gateways to AWS: the only place that imports boto3 and botocore.

A gateway takes a boto3 client and has one method for each API operation that Modelward uses, named after it, with our
values in and out. Nothing is decided here. `errors` translates what AWS refuses into our errors, once and for all
gateways: SageMaker answers "not found" and "busy" as ValidationException plus a text, and that text is read nowhere
else. `clients` makes clients; only `bootstrap` calls it.
"""
