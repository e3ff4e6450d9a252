"""What a writer is: a file of this folder with `write`, which answers one prompt.

`describe.writer` of params.yaml names it. Whether an answer is any good is for stages/describe.py to judge.
"""

from typing import Protocol

from stages.common.params import Describe


class Writer(Protocol):
    """The name that a writer's module holds."""

    @staticmethod
    def write(prompt: str, settings: Describe) -> str:
        """The raw answer to the prompt, as the model gave it.

        Args:
            prompt: what to ask.
            settings: model, seed, temperature, time allowed; `base_url` where there is a server.

        Raises:
            UserError: nobody answered in time, or what came is no answer; says which address or model, and what to do.
        """
