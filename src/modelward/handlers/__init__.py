"""Lambda entry points: parse the event, call one service, answer.

`shell` is what they share: the context made once for each execution environment, a record-by-record loop that
reports failures one by one, and the table from our errors to what becomes of a message. There is no business branch
here: an event is a hint about which model to look at, and the services look.
"""
