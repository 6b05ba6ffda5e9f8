"""Values, rules and errors: no I/O, no clock, no environment, nothing but the standard library."""
