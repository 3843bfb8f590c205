"""``meshclaw <noun> <verb>``: the nouns, each loaded only when it is used."""

from __future__ import annotations

import gc
import importlib
import sys

import click

from meshclaw import __version__
from meshclaw.errors import MeshClawError

NOUNS = {
    "demo": "See the whole thing in a minute on a mailbox made for it.",
    "setup": "Set it up, one thing at a time, each proved.",
    "ask": "Say it in your own words; a model is asked only where no command will do.",
    "agent": "Agents that people write and share: new, test, install, run.",
    "mail": "Connect a mailbox, triage it, read the digest, ask why.",
    "slack": "Connect Slack, test it, and the app that it needs.",
    "approvals": "What waits for your word: list, why, allow, deny, health.",
    "run": "What the claw did: list, show, resume, cancel, undo.",
    "outcomes": "What became of it: stood, edited, undone.",
    "autonomy": "How far each agent may go alone: show, set.",
    "memory": "What it remembers of you: list, recall, add, why, undo, forget.",
    "dream": "What it learns at night, and the morning message: run, morning, log.",
    "guard": "Why it decided so, and what a request allows: why, licence.",
    "connectors": "What each connector can do: list, show, review.",
    "mcp": "MCP servers as tools, and our verbs for other hosts: add, review, serve.",
    "coding": "Coding agents, boxed in, each task on a branch of its own: add, agents, run.",
    "budget": "What was used and what is left, per run, hour and day.",
    "models": "The models agents may ask: list, test, connect.",
    "usage": "What AI tools were used for and what it cost: import, show, sources.",
    "code": "Whether code stood, of people and of AI tools: report, blame.",
    "ledger": "The record: verify, tail, export, show.",
    "mesh": "What your company's hub learns from this claw: join, show, send, leave.",
    "hub": "The company's side of the mesh: init, roster, serve, code.",
    "metrics": "What a company may ask about itself: list, show, ask, sql.",
    "policy": "What the policies say: check, explain, test, diff, replay.",
    "sandbox": "Run a command that nobody has to trust: explain, run.",
    "schedule": "What happens by itself, and when: list, add, enable, next, log.",
    "watch": "Be told when something changes; no model looks: add, list, test.",
    "standing": "When a message about something comes, ask this: add, list, log.",
    "stop": "Stop everything the claw does, now; and let it go on.",
    "up": "Start the claw and open its page.",
    "down": "Stop the claw that runs.",
    "service": "Start the claw with your session: install, remove, status, show.",
    "daemon": "Let the claw work by itself: run, status.",
    "doctor": "Check everything; fix nothing unasked.",
}

ELSEWHERE = {"down": "up"}
"""Beside which other one a noun stands."""


class Nouns(click.Group):
    """Help needs the names only; a module is imported when its noun is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in NOUNS:
            return None
        module = importlib.import_module(f"meshclaw.cli.{ELSEWHERE.get(cmd_name, cmd_name)}")
        gc.freeze()  # what was loaded stays: the collector need not walk over it again and again
        command: click.Command = getattr(module, cmd_name if cmd_name in ELSEWHERE else "command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Nouns"):
            formatter.write_dl(list(NOUNS.items()))


@click.command(cls=Nouns, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="meshclaw")
def cli() -> None:
    """An agent on your own machine: bounded, settled, private.

    It can do nothing you did not ask for, it writes down everything it does, and it can take it back.
    Start with: meshclaw demo
    """


def main() -> None:
    """Exit codes: 0 done, 1 failed, 2 cancelled or wrong usage, 3 denied by policy, 4 sign-in needed."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Cancelled; nothing more was done.", err=True)
        code = 2
    except click.ClickException as error:
        error.show()
        code = 2
    except MeshClawError as error:
        tell_error(error)
        code = error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the pipe has seen enough
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def tell_error(error: MeshClawError) -> None:
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {error.message}", err=True)
    if error.fix:
        click.echo(f"  {error.fix}", err=True)
