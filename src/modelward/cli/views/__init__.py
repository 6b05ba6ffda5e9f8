"""Core values -> what people read, as rich renderables; no I/O, so that tests compare text.

The same table serves a terminal and a pipe: it has no lines, a terminal adds colours and wraps, a pipe gets one line
for each row. Only the history has two forms, because a timeline reads badly through `grep`.
"""
