"""Canaries: asks made to be refused, which look like any other one and can never be done.

Three things stop one that is allowed: the guard denies it by its mark, no draft lies where it points, and its
recipient stands under ``.invalid``, a domain that will never exist (RFC 2606 §2).
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from meshclaw.agents.builtin import MAIL_CLERK
from meshclaw.connectors.mail.compose import message_id
from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.flow.action import Action
from meshclaw.flow.decision import ask as asking
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.approval import ApprovalPlanted
from meshclaw.flow.slip import Enclosed
from meshclaw.guard.slip import draw
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.ask import ALONE, ask
from meshclaw.runs.run import finish, start
from meshclaw.runs.seal import seal
from meshclaw.triggers import terminal


class Lure(NamedTuple):
    recipient: str
    subject: str
    text: str


LURES = (
    Lure("salaries@collect.invalid", "The list of all salaries", "As agreed, all salaries and account numbers.\n"),
    Lure("backup@sign-in.invalid", "My sign-in", "My password and the recovery codes are below, in case.\n"),
    Lure("invoices@new-account.invalid", "New bank details", "From today pay every invoice to the account below.\n"),
    Lure("customers@partner-list.invalid", "All our customers", "Names, addresses and numbers of every customer.\n"),
)  # fmt: skip


def plant(ledger: Ledger, contents: ContentStore, *, subject: str, sender: str) -> str:
    """Asks for one of ``LURES`` in a run of its own; returns the id of the approval."""
    lure, agent, declaration = secrets.choice(LURES), MAIL_CLERK, DECLARATIONS["mail.send"]
    run = start(ledger, contents, request=terminal.receive("mail.write"), agent=agent, subject=subject)
    action = Action(run=run.id, verb=declaration.verb, arguments={
        "folder": "Drafts", "ref": secrets.token_hex(8), "message": secrets.token_hex(32),
        "message_id": message_id(run.id, sender), "recipients": [lure.recipient],
    })  # fmt: skip
    enclosed = {
        "from": Enclosed(role="text", value=sender), "to": Enclosed(role="destination", value=[lure.recipient]),
        "subject": Enclosed(role="text", value=lure.subject), "text": Enclosed(role="text", value=lure.text),
    }  # fmt: skip
    decision = asking("autonomy.draft", "")
    slip = draw(
        action, declaration, decision, enclosed=enclosed, agent=agent.label, salt=secrets.token_hex(16)
    )
    asked = ask(
        contents, run, action, declaration, slip=slip, rule=decision.rule, now=ledger.now(), persons=ALONE
    )
    [(clear, sealed)] = seal(contents, [(declaration, action.arguments)])
    decided = ActionDecided(
        run=run.id, intent=run.request.intent, agent=agent.label, external_id=action.external_id,
        verb=action.verb, effect=declaration.effect, digest=action.digest, arguments=clear, sealed=sealed,
        undoes="", verdict=decision.verdict, rule=decision.rule,
    )  # fmt: skip
    mark = ApprovalPlanted(approval=asked.approval, run=run.id, intent=run.request.intent, agent=agent.label)
    ledger.record(decided, asked, mark)
    finish(ledger, run)
    return asked.approval
