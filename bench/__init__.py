"""Figures that Modelward holds itself to: measured, compared with their goals, written to README.md beside this file.

::

    figure      one row: what, goal, measured, held or not, how to measure it again; and the table of them
    account     an AWS account in this process: the local SageMaker under moto, with Modelward deployed
    traffic     hears each AWS call that boto3 clients make, with its parameters, and makes the same again
    calls       how many AWS calls an operation makes
    overhead    what an operation takes, over the very same calls made with plain boto3
    clock       how the least of several times is found on a machine that also does other things
    startup     imports, `modelward --help`, cold starts of the functions
    memory      the most memory that each function takes at work; `door` is how it reaches the account, `post` what
                brings it events and messages
    package     the size of the functions' zip
    scale       synthesis of thousands of models; `synthesis` is one of them, in a process of its own
    demo        the demo, played as a user plays it

`python -m bench` measures everything and writes README.md; `python -m bench calls` (or any other of its parts)
measures that part and writes nothing.

Nothing is compared with a figure of another day or machine: whatever depends on the machine is measured beside its
bare minimum, in turns with it, in the same run.
"""
