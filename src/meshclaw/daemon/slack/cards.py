"""A slip as a card in Slack (Block Kit), so that nothing in it can pass for a word of ours.

Ours stands in the message itself; whatever MeshClaw did not write stands in grey boxes, as literal text: no markup in
it is obeyed, nothing is fetched, nobody is rung. Destinations are never shortened; where they are too long for a card,
the card cannot be answered with yes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from meshclaw.flow.action import Value
from meshclaw.flow.approval import Approval
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.slip import Slip
from meshclaw.guard.exposed import exposed
from meshclaw.guard.slip import Section, sections

Block = dict[str, Value]

ALLOW, DENY, SHOW = "approval_allow", "approval_deny", "approval_show"
FIRST, LAST = 12, 4
"""Lines of a long value that a card shows."""
WIDE = 300
"""Characters of one line that a card shows."""
MOST = 9_000
"""Characters of values on one card; Slack takes about 13,000 of a message's blocks."""
BOX = 2_500
"""Characters of one box."""
BOXES = 80
"""Of the whole slip; a view has 100 blocks."""


def value_of(approval: Approval) -> str:
    """What a button carries: the ask, and what exactly it is about."""
    return f"{approval.id} {approval.digest} {approval.shown}"


def open_card(
    approval: Approval,
    slip: Slip | None,
    declaration: Declaration | None,
    *,
    problem: str = "",
    link: str = "",
) -> tuple[str, list[Block]]:
    """Its text for notifications, which holds no content, and its blocks. ``problem``: why yes cannot be said here."""
    if slip is None or declaration is None:
        words = "Something waits for your yes, but what it was asked with is no longer known."
        return words, [_ours(words), _buttons(approval, allow=False, show=False, risky=False)]
    told, whole = shortened(slip, declaration)
    if not whole:  # as ``can_be_allowed`` says when it is pressed all the same
        problem = problem or "Where it goes is too long to be shown here."
    back = "can be taken back" if declaration.reversible else "cannot be taken back"
    title = f"Waits for your yes: {_plain(declaration.words)}"
    blocks = [
        _ours(title, bold=True),
        _ours(f"Effect: {declaration.effect}, {back}. Asked by: {_plain(slip.agent)}."),
        *(block for reason in slip.asks for block in (_ours("Why it asks:"), _box(exposed(reason)))),
        *told,
    ]
    if approval.two:
        blocks.append(_ours(f"It takes two persons. The other one: meshclaw approvals export {approval.id}"))
    if problem:
        blocks.append(_ours(f"{problem} Say yes in a terminal: meshclaw approvals allow {approval.id}"))
    risky = not declaration.reversible or declaration.effect in ("send", "deploy", "spend", "admin")
    blocks += [
        _small(
            f"Until {_when(approval.expires)}. Grey boxes hold what MeshClaw did not write. {link}".strip()
        ),
        _buttons(approval, allow=not problem, show=True, risky=risky),
    ]
    return title, blocks


def can_be_allowed(slip: Slip | None, declaration: Declaration | None) -> bool:
    """Whether a card shows all that decides."""
    return slip is not None and declaration is not None and shortened(slip, declaration)[1]


def closed_card(what: str, how: str) -> tuple[str, list[Block]]:
    """Without the content: what is over need not hang there."""
    text = f"{what}: {how}"
    return text, [_ours(text)]


def view(slip: Slip, declaration: Declaration, approval: Approval) -> Block:
    """The whole slip, as a modal."""
    blocks = list(_whole(slip, declaration))
    if len(blocks) > BOXES:
        blocks = [
            *blocks[:BOXES],
            _ours(f"There is more; all of it: meshclaw approvals why {approval.id} --full"),
        ]
    return {
        "type": "modal", "title": {"type": "plain_text", "text": "All of it"},
        "close": {"type": "plain_text", "text": "Close"}, "blocks": blocks,
    }  # fmt: skip


# -- values --------------------------------------------------------------------------------------


def shortened(slip: Slip, declaration: Declaration) -> tuple[list[Block], bool]:
    """The values as a card shows them, and whether every destination is among them whole."""
    blocks: list[Block] = []
    left, whole = MOST, True
    for section in sections(slip, declaration):
        lines = section.lines
        if section.whole:
            whole = whole and sum(map(len, lines)) <= left
        if not section.whole or not whole:
            lines = _short(lines, max(200, left // 2))
        left -= sum(map(len, lines))
        blocks += _section(section, lines)
    return blocks, whole and len(blocks) <= 40


def _short(lines: Sequence[str], most: int) -> list[str]:
    shown = [line if len(line) <= WIDE else f"{line[:WIDE]} … ({len(line) - WIDE} more)" for line in lines]
    if len(shown) > FIRST + LAST + 1:
        shown = [
            *shown[:FIRST], f"… ({len(shown) - FIRST - LAST} of {len(shown)} lines left out)", *shown[-LAST:]
        ]  # fmt: skip
    while sum(map(len, shown)) > most and len(shown) > 1:
        middle = len(shown) // 2
        shown = [*shown[: middle - 1], "…", *shown[middle + 1 :]] if len(shown) > 3 else shown[:1]
    return shown


def _whole(slip: Slip, declaration: Declaration) -> Iterator[Block]:
    for section in sections(slip, declaration):
        yield from _section(section, section.lines)


def _section(section: Section, lines: Sequence[str]) -> Iterator[Block]:
    origin = f"; {section.origin}" if section.origin else ""
    yield _ours(f"{_plain(section.name)} ({section.role}{origin}):", bold=True)
    yield from map(_box, _boxes(lines))
    for note in section.notes:
        words = f"Look: {note.words}" if note.alarming else note.words
        yield _ours(f"{words}{':' if note.lines else '.'}", alarm=note.alarming)
        if note.lines:
            yield from map(_box, _boxes(_short(note.lines, BOX)))


def _boxes(lines: Sequence[str]) -> Iterator[list[str]]:
    box: list[str] = []
    for line in lines:
        for start in range(0, max(1, len(line)), BOX):
            piece = line[start : start + BOX]
            if box and sum(map(len, box)) + len(piece) > BOX:
                yield box
                box = []
            box.append(piece)
    if box:
        yield box


# -- blocks --------------------------------------------------------------------------------------


def _ours(text: str, *, bold: bool = False, alarm: bool = False) -> Block:
    style: Block = {"style": {"bold": True}} if bold or alarm else {}
    parts: list[Block] = (
        [{"type": "emoji", "name": "warning"}, {"type": "text", "text": " "}] if alarm else []
    )
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [*parts, {"type": "text", "text": text, **style}]}],
    }  # fmt: skip


def _box(lines: Sequence[str]) -> Block:
    text = "\n".join(lines) or "(nothing)"
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}],
    }


def _small(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": False}]}


def _buttons(approval: Approval, *, allow: bool, show: bool, risky: bool) -> Block:
    value = value_of(approval)
    sure: Block = {
        "title": {"type": "plain_text", "text": "Allow exactly this?"},
        "text": {"type": "plain_text", "text": "What you see on the card is done at once."},
        "confirm": {"type": "plain_text", "text": "Allow"}, "deny": {"type": "plain_text", "text": "Not yet"},
    }  # fmt: skip
    wanted: list[tuple[bool, str, str, Block]] = [
        (allow, ALLOW, "Allow", {"style": "primary", **({"confirm": sure} if risky else {})}),
        (True, DENY, "Deny", {"style": "danger"}),
        (show, SHOW, "Show all", {}),
    ]
    return {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": action, "value": value, "text": {"type": "plain_text", "text": words},
             **more}
            for is_there, action, words, more in wanted if is_there
        ],
    }  # fmt: skip


def _plain(text: str) -> str:
    """Names and words of declarations: they may come from a manifest, and a rich text obeys nothing in them."""
    return " ".join(exposed(text))[:150]


def _when(at: datetime) -> str:
    return at.astimezone().strftime("%a %d %b, %H:%M")
