"""What all tests share: properties are tried on the same examples in every run, so that a red build stays red."""

from hypothesis import settings

settings.register_profile("modelward", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("modelward")
