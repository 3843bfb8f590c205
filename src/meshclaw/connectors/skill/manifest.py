"""What every skill can do: be read. Its scripts declare themselves."""

from __future__ import annotations

from meshclaw.flow.declaration import Argument, Declaration

READ = "skill.read"

DECLARATIONS = {
    READ: Declaration(
        verb=READ, effect="read", reversible=True, words="Read how a skill says work is done", deed="read",
        objects=("skill",),
        # What it brings is text by the agent's author, so it counts as a stranger's: nothing in it names a target.
        arguments={"skill": Argument("reference", "skill"), "file": Argument("text", required=False)},
    )
}  # fmt: skip
