"""The command line: one command per service, with the service's verb.

::

    commands    the table: what each command is called, takes and is for; plain data
    parser      argv -> the command and its values, by argparse
    pages       the table -> what `--help` prints; `reference` makes docs/cli.md of the same text
    main        runs the command, turns errors into two lines on stderr and a code of `exits`
    context     what every command gets: the terminal, and the registry once it asks for it
    terminal    result on stdout (tables, plain when piped, or JSON), talk and progress on stderr
    views/      core values -> tables, cards, timelines; no I/O
    reading, registering, deciding, rollouts, starting, adopting, serve, local: the commands

A command is a typed function `(context, *, ...)`; the table names it as text, so that `--help` imports none of them.

Why argparse and not typer: `modelward --help` took 116 ms with typer 0.29, 88 ms with click 8.5 and 28 ms with argparse
(17 commands, Python 3.11, best of ten, bare Python 10 ms), every command pays the same again, and typer brings pydantic
into the environment of each training script that installs the SDK.

What a command prints on stdout is its result, and a promise to programs only with `--json`. Text that people registered
(notes, reasons) is shown without its control characters: an approver's terminal obeys nobody's notes.
"""
