"""The main job, told scene by scene: the whole life of a model on this laptop.

Everything is real: the stacks are those of the `app.py` in this folder, the functions run from the synthesized asset
as their roles, the models are trained, the endpoints answer, people act under identities of their own through the
command line, the SDK or plain boto3. Each scene checks what it claims; the first check that fails ends the demo with
exit code 1.
"""

from modelward.cli.demo.run import run as run
