"""Ask: say it in your own words. What a page here answers whole needs no model; the rest is a run at the desk."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from meshclaw.agents import planner
from meshclaw.agents.planner import Planned
from meshclaw.cli.stop import pull
from meshclaw.daemon.desk import Job
from meshclaw.errors import MeshClawError, UserError
from meshclaw.home.page import Page, Shown, Visit, Went
from meshclaw.home.pages.runs import Row, row
from meshclaw.runs.run import tell_last
from meshclaw.triggers import page
from meshclaw.wiring import Claw
from meshclaw.wiring.working import intent_of, triage_mailbox

LATEST = 10
MOST_WORDS = 8_000


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    agents: Sequence[tuple[str, str]]
    """Name and purpose of those that can be asked in words; the claw itself first."""
    model: str
    """The class of models that is asked; empty where none is set up."""
    problem: str
    """Why no model can be asked."""
    latest: Sequence[Row]


def show(visit: Visit) -> Shown:
    claw = visit.claw
    model = problem = ""
    try:
        model = claw.models.usual
    except UserError as error:
        problem = f"{error.message[:1].upper()}{error.message[1:]}."
    context = Asking(
        agents=[("claw", "Whatever you ask for, with the tools it has"), *_agents(claw)], model=model, problem=problem,
        latest=[row(one) for one in tell_last(claw.ledger, claw.contents, LATEST, intent="ask")[::-1]],
    )  # fmt: skip
    return Shown(title="Ask", template="ask.html", context=context)


def _agents(claw: Claw) -> list[tuple[str, str]]:
    """Those that were installed and are as they were."""
    found: list[tuple[str, str]] = []
    for known in claw.installed.current():
        try:
            agent = claw.agent(known.name)
            intent_of(agent)
        except MeshClawError:
            continue  # the page of the agents says what is wrong with it
        found.append((agent.name, agent.purpose))
    return found


def ask(visit: Visit) -> Went:
    words, name = visit.form.get("words", "").strip(), visit.form.get("agent", "claw")
    if not words or len(words) > MOST_WORDS:
        raise UserError(f"say something, in at most {MOST_WORDS:,} characters")
    planned = planner.plan(words) if name == "claw" else None
    if planned is not None:
        return _by_page(visit.claw, planned)
    intent = intent_of(visit.claw.agent(name))
    run = visit.house.ask(Job(request=page.receive(intent, words), agent=name))
    return Went(to=f"/runs/{run}")


WHERE = {
    "digest": "/", "approvals": "/approvals", "runs": "/runs", "undo": "/runs", "cost": "/spend", "budget": "/spend",
}  # fmt: skip


def _by_page(claw: Claw, planned: Planned) -> Went:
    said = f"No model needed: {planned.why}."
    if planned.skill == "stop":
        pull("asked for on the page")
        return Went(to="/", words=said)
    if planned.skill == "triage":
        account = claw.account(None)
        with claw.mailbox(account) as mailbox:
            done = triage_mailbox(claw, account, mailbox, request=page.receive("mail.triage"))
        return Went(to=f"/runs/{done.report.run}", words=said)
    if planned.skill == "undo":
        said += " Take back what you want below."
        last = tell_last(claw.ledger, claw.contents, 1)
        return Went(to=f"/runs/{last[0].run.id}" if last else "/runs", words=said)
    return Went(to=WHERE[planned.skill], words=said)


PAGE = Page(name="Ask", path="/ask", shows={"/ask": show}, does={"/ask": ask})
