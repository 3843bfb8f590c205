"""What a model is asked at night, and what it may answer: operations, never prose, each with the words it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from meshclaw.agents.memory.recall import recall
from meshclaw.agents.memory.store import Memory
from meshclaw.flow.action import Value
from meshclaw.flow.conversation import Heard, Prompt, Reply, Tool
from meshclaw.flow.memory import EVERYWHERE, Fact
from meshclaw.runs.dreaming.turns import Turn

PROPOSE = "memory.propose"
"""No verb of any connector: it is only read, by ``judging``."""
ROOM = 12_000
"""Characters of the person's words that one answer is asked about."""
KNOWN = 40
"""Facts that are shown beside them."""
NEAR = 4
"""Facts that are looked up for each turn."""

RULES = """You consolidate what a claw remembers about its person. You are shown requests that the person wrote, and
what is remembered already. Propose what is worth keeping for months: who is who, what they prefer, how they want things
done, what they work on. Answer with one call of memory.propose. Most days there is nothing: then propose none.
- Only what the person's words say. Add nothing, guess nothing, join nothing that they did not join.
- One plain sentence each, in the third person, about the person or their world: "Their dentist is Dr Weber". No
  instructions, no links, no commands, no secrets, and nothing about tools or servers that did not work.
- What was wanted once, for one occasion, is not worth keeping.
- Give subject and attribute where the sentence answers one thing: subject "me", attribute "dentist". A newer word of
  the person takes the place of an older one that answers the same.
- "supersede" names what is no longer true, "merge" what says the same or belongs in one sentence. Do not repeat what is
  known."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    do: Literal["add", "merge", "supersede"]
    text: str
    rests_on: tuple[int, ...] = msgspec.field(name="from", default=())
    """Numbers of turns."""
    of: tuple[int, ...] = ()
    """Numbers of facts."""
    subject: str = ""
    attribute: str = ""


_numbers: dict[str, Value] = {"type": "array", "items": {"type": "integer"}}
_OPERATION: dict[str, Value] = {
    "type": "object", "required": ["do", "text", "from"], "additionalProperties": False,
    "properties": {
        "do": {"type": "string", "enum": ["add", "merge", "supersede"]},
        "text": {"type": "string", "description": "one plain sentence"},
        "from": {**_numbers, "description": "numbers of the requests that say so"},
        "of": {**_numbers, "description": "numbers of the memories that it merges or supersedes"},
        "subject": {"type": "string"}, "attribute": {"type": "string"},
    },
}  # fmt: skip
TOOL = Tool(
    verb=PROPOSE, words="Propose changes to what is remembered; code checks and applies them",
    schema={
        "type": "object", "required": ["operations"], "additionalProperties": False,
        "properties": {"operations": {"type": "array", "items": _OPERATION}},
    },
)  # fmt: skip


def batches(turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    """In order, each in about ``ROOM`` characters: the same turns make the same batches, also after a restart."""
    batch: list[Turn] = []
    size = 0
    for turn in turns:
        if batch and size + len(turn.text) > ROOM:
            yield batch
            batch, size = [], 0
        batch.append(turn)
        size += len(turn.text)
    if batch:
        yield batch


def prompt(memory: Memory, batch: Sequence[Turn], now: int) -> Prompt:
    """``now``: Unix milliseconds. The fixed part is the same every night.

    What was learned from corrections is not shown: there are addresses in it that strangers chose.
    """
    known: dict[int, Fact] = {}
    for turn in batch:
        for found in recall(memory, turn.text, now=now, scopes=(EVERYWHERE,), limit=NEAR, trust=("person",)):
            if len(known) < KNOWN:
                known[found.fact.id] = found.fact
    told = {
        "remembered": [{"memory": id_, "text": known[id_].text} for id_ in sorted(known)],
        "requests": [{"request": number, "text": turn.text} for number, turn in enumerate(batch, start=1)],
    }
    heard = Heard(text=msgspec.json.encode(told).decode(), by_claw=True)
    return Prompt(fixed=RULES, tools=(TOOL,), turns=(heard,))


def proposals(reply: Reply) -> tuple[list[Proposal], int]:
    """What it proposes, and how many of its proposals cannot be read."""
    found: list[Proposal] = []
    odd = 0
    for call in reply.said.calls:
        operations = call.arguments.get("operations")
        if call.malformed or call.verb != PROPOSE or not isinstance(operations, list):
            odd += 1
            continue
        for one in operations:
            try:
                found.append(msgspec.convert(one, Proposal))
            except msgspec.ValidationError:
                odd += 1
    return found, odd
