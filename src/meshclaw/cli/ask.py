"""``meshclaw ask``: say it in your own words. What a command answers whole is answered without a model."""

from __future__ import annotations

import re
import sys

import click

from meshclaw.agents import planner
from meshclaw.agents.builtin import CLAW
from meshclaw.agents.planner import Planned
from meshclaw.cli import screen
from meshclaw.errors import NotFound, UserError
from meshclaw.flow.agent import Agent
from meshclaw.flow.event.run import RunStarted
from meshclaw.flow.run import Run
from meshclaw.runs.loop import Answer
from meshclaw.runs.run import start, tell, tell_last
from meshclaw.triggers import terminal
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import converse

_RUN = re.compile(r"[0-9a-f-]{8,36}")
LAST = "last"
"""The conversation that was begun or gone on with last."""
EXIT = {"answered": 0, "declined": 1, "stuck": 1, "over_budget": 3, "frozen": 3}


@click.command("ask")
@click.argument("words", nargs=-1)
@click.option(
    "--model", "model", default=None, metavar="NAME", help="Ask this model or class, whatever the words are."
)
@click.option("--no-model", is_flag=True, help="Ask no model: say so where one would be needed.")
@click.option(
    "--continue",
    "after",
    is_flag=False,
    flag_value=LAST,
    default=None,
    metavar="[RUN]",
    help="Go on with the last conversation, or with that of RUN.",
)
@click.option("--account", default=None, metavar="ADDRESS", help="Which mailbox, if several are connected.")
@screen.dry_run
@screen.as_json
def command(
    words: tuple[str, ...],
    model: str | None,
    no_model: bool,
    after: str | None,
    account: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Ask your claw for something, in your own words.

    What one of its commands answers whole needs no model and costs nothing; it says which way it took, and why. For the
    rest a model of models.toml is asked. Whatever it wants to do goes through the guard: your words are its licence.
    """
    if after and not _RUN.fullmatch(after):  # it is the first of the words
        words, after = (after, *words) if after != LAST else words, LAST
    asked = " ".join(words).strip()
    if not asked:
        raise click.UsageError("say what you want, in your own words")
    if no_model and (model or after):
        raise click.UsageError("--no-model excludes --model and --continue")
    planned = None if model or after else planner.plan(asked)
    if planned is not None:
        _by_command(planned, dry_run=dry_run, as_json=as_json)
        return
    if no_model:
        raise UserError(
            "no command answers that whole, so a model would be needed",
            fix="Leave out --no-model, or see what commands there are: meshclaw --help",
        )
    with open_claw() as claw:
        last = _conversation(claw, after) if after else None
        agent = claw.agent_of(last.agent) if last else CLAW
        answer = by_model(
            claw, agent, asked, model=model, account=account, after=last, dry_run=dry_run, as_json=as_json,
            intent=last.request.intent if last else "ask",
        )  # fmt: skip
    if answer is not None:
        sys.exit(EXIT[answer.end])


def _by_command(planned: Planned, *, dry_run: bool, as_json: bool) -> None:
    arguments = planned.command.split()[1:]
    if planned.skill == "undo":
        arguments.append(_last_run())
    screen.words(f"No model needed, {planned.why}: meshclaw {' '.join(arguments)}")
    if dry_run:
        return
    from meshclaw.cli.main import cli

    cli.main(
        [*arguments, *(["--json"] if as_json and planned.skill != "stop" else [])], standalone_mode=False
    )


def _last_run() -> str:
    with open_claw() as claw:
        last = tell_last(claw.ledger, claw.contents, 1)
    if not last:
        raise NotFound("there is no run to take back", fix="meshclaw run list shows them all.")
    return screen.short(last[0].run.id)


def by_model(
    claw: Claw, agent: Agent, asked: str, *, intent: str = "ask", model: str | None, account: str | None,
    after: Run | None = None, dry_run: bool, as_json: bool,
) -> Answer | None:  # fmt: skip
    """``model``: a class or one of them; else what ``after`` asked, what the agent wants, or the usual."""
    claw.refuse_if_stopped()
    subject = after.subject if after and account is None else _subject(claw, account)
    wanted = model or (after.model if after else "") or agent.model or claw.models.usual
    entries = claw.models.of(wanted)
    names = ", then ".join(entry.name for entry in entries)
    if dry_run:
        screen.words(f"Would ask {names}, with the tools of {subject}.")
        return None
    why = ": no command answers this whole" if agent is CLAW else f", as {agent.name} {agent.version}"
    why = f", after run {screen.short(after.id)}" if after else why
    screen.words(f"Asking {names}{why}.")
    run = start(
        claw.ledger, claw.contents, request=terminal.receive(intent, asked), agent=agent, subject=subject,
        after=after.id if after else "", model=wanted,
    )  # fmt: skip
    answer = converse(claw, run, wanted)
    if as_json:
        screen.data({"run": run.id, "answer": answer})
    else:
        show(answer, run.id)
    return answer


def _subject(claw: Claw, account: str | None) -> str:
    """What a run is about first: the mailbox; without any, the one Slack workspace."""
    if account is None and not claw.accounts.all() and len(workspaces := claw.workspaces.all()) == 1:
        return workspaces[0].subject
    return claw.account(account).address


def _conversation(claw: Claw, prefix: str) -> Run:
    """The run that starts or ends with ``prefix``; for LAST the last one that asked a model in a person's words."""
    if prefix != LAST:
        told = tell(claw.ledger, claw.contents, prefix)
    else:
        asked = [one.run for one in claw.ledger.events(RunStarted) if one.model and one.words]
        if not asked:
            raise NotFound("there is no conversation to go on with", fix="Leave out --continue to begin one.")
        told = tell(claw.ledger, claw.contents, asked[-1])
    if told.state == "running":
        raise UserError(
            "that conversation has not come to its end yet",
            fix=f"meshclaw run resume {screen.short(told.run.id)}",
        )
    return told.run


def show(answer: Answer, run: str) -> None:
    """For a person."""
    screen.lines(answer.text)
    if answer.corrected:
        screen.words(f"{_several(len(answer.corrected), 'sentence')} said more than was done; marked above.")
    for one in answer.waiting:
        screen.words(f"Waits for your yes: meshclaw approvals why {one}")
    screen.words(
        f"{_several(answer.steps, 'step')}, ${answer.cost_micros / 1_000_000:.4f}. "
        f"What it did: meshclaw run show {screen.short(run)}"
    )


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
