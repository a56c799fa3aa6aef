"""The constant part of each prompt, out of a file of its own, with the version it says it has.

The files are `prompts/<name>.md`: a line `version: 3`, an empty line, and the words as they are
sent. Whoever changes the words counts the version up; a test compares both with what it knows.
"""

from dataclasses import dataclass, field
from importlib.resources import files

from worker.llm.chat import PreparedImage, Prompt
from worker.llm.tokens import estimate_tokens


@dataclass(frozen=True, slots=True)
class Wording:
    """The system prompt of a question.

    Attributes:
        text: what is said, the same for every job.
        version: which wording it is, such as `text_tag/3`.
        tokens: how many the text is, estimated.
    """

    text: str
    version: str
    tokens: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", estimate_tokens(self.text))

    def prompt(self, user: str, image: PreparedImage | None = None) -> Prompt:
        """The whole prompt; `user` goes from what varies slowly to the message."""
        return Prompt(self.text, user, image, version=self.version)


def wording(name: str) -> Wording:
    """Read `prompts/<name>.md`; once, when a handler's module is loaded.

    Raises:
        ValueError: the file does not begin with its version.
    """
    said = (files("worker.handlers") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    head, _, text = said.partition("\n\n")
    key, _, number = head.partition(":")
    if key != "version" or not number.strip().isdecimal():
        raise ValueError(f"prompts/{name}.md does not begin with a line such as 'version: 3'")
    return Wording(text.strip(), f"{name}/{int(number)}")
