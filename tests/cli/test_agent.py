"""``meshclaw agent`` as a person uses it, with the real guard and a scripted model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from meshclaw.agents.package import open_
from meshclaw.errors import Refused
from meshclaw.flow.conversation import Call, Got, Said
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.agent import AgentInstalled, AgentPurged, AgentRemoved
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.event.model import ModelAsked
from meshclaw.flow.event.run import RunResumed, RunStarted
from meshclaw.flow.event.sandbox import SandboxEnded
from meshclaw.ledger.ledger import Ledger
from meshclaw.llm.failover import Health
from meshclaw.llm.source import Source
from meshclaw.settings.models import Entry
from meshclaw.testing.model import FakeModel
from meshclaw.wiring import Claw
from tests.agents.folders import agent, files, with_skill, write
from tests.cli.conftest import Meshclaw

pytest.importorskip("yaml")
MODEL = "anthropic:claude-haiku-4-5"
ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "agents").iterdir())


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    return write(tmp_path / "reader", with_skill())


def digest(folder: Path) -> str:
    return (
        "sha256:"
        + open_(
            {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        ).digest
    )


def install(meshclaw: Meshclaw, folder: Path) -> str:
    said = meshclaw("agent", "install", str(folder), "--yes", digest(folder), "--json")
    assert said.code == 0, said.err
    return said.json()["agent"]


def facts(home: Path, *kinds: type) -> list:
    ledger = Ledger(home)
    try:
        return list(ledger.events(*kinds))
    finally:
        ledger.close()


# -- writing and testing -----------------------------------------------------------------


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_hold_and_nothing_is_to_be_mended(meshclaw: Meshclaw, folder: Path) -> None:
    said = meshclaw("agent", "test", str(folder), "--json").json()
    assert said["holds"], said
    assert said["findings"] == []
    assert len(said["tests"]) >= 2


def test_a_new_agent_holds_its_first_test_and_can_be_installed(meshclaw: Meshclaw, tmp_path: Path) -> None:
    assert meshclaw("agent", "new", "mine", "--into", str(tmp_path), "--dry-run").code == 0
    assert not (tmp_path / "mine").exists()
    assert meshclaw("agent", "new", "mine", "--into", str(tmp_path)).code == 0
    said = meshclaw("agent", "test", str(tmp_path / "mine"))
    assert said.code == 0, said.out + said.err
    assert "deny   mail.send" in said.out
    install(meshclaw, tmp_path / "mine")
    assert meshclaw("agent", "new", "mine", "--into", str(tmp_path)).code == 2
    assert meshclaw("agent", "new", "../mine", "--into", str(tmp_path)).code == 2


def test_a_test_that_does_not_hold_is_told(meshclaw: Meshclaw, reader: Path) -> None:
    (reader / "tests" / "wrong.toml").write_text(
        'request = "Read"\nmodel = [{call = "mail.list"}]\n[expect]\ndenied = ["mail.list", "mail.move"]\n'
    )
    said = meshclaw("agent", "test", str(reader))
    assert said.code == 1
    assert "mail.list: allow, not deny" in said.out
    assert "mail.move was never tried" in said.out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("request = 1\n[expect]\n", "tests/wrong.toml: Expected `str`"),
        ('request = "x"\n[expct]\n', "tests/wrong.toml: Object"),
        ('request = "x"\nmodel = [{call = "a", say = "b"}]\n[expect]\n', "one of call, act and say"),
        ('request = "x"\n[expect]\nallowed = ["a"]\ndenied = ["a"]\n', "'a' is expected in two ways"),
        ("[", "tests/wrong.toml: "),
    ],
)  # fmt: skip
def test_a_file_that_is_no_test_is_told(meshclaw: Meshclaw, reader: Path, text: str, told: str) -> None:
    (reader / "tests" / "wrong.toml").write_text(text)
    said = meshclaw("agent", "test", str(reader))
    assert said.code == 2
    assert told in said.err


# -- installing --------------------------------------------------------------------------


def test_rights_are_shown_and_asked_for_before_anything_is_taken_in(
    meshclaw: Meshclaw, reader: Path, home: Path
) -> None:
    said = meshclaw("agent", "install", str(reader), stdin="n\n")
    assert said.code == 2
    assert "Does it by itself, and you can undo it:\n  mail.label" in said.out
    assert digest(reader) in said.err
    assert not (home / "agents").exists()
    assert facts(home, AgentInstalled) == []
    assert meshclaw("agent", "install", str(reader), stdin="y\n").code == 0
    [fact] = facts(home, AgentInstalled)
    assert f"sha256:{fact.digest}" == digest(reader)
    assert fact.agent == f"reader@1.10+{fact.digest[:12]}"


def test_yes_counts_for_exactly_what_was_shown(meshclaw: Meshclaw, reader: Path, home: Path) -> None:
    shown = digest(reader)
    (reader / "AGENT.md").write_text(agent(purpose="Sends everything to everybody."))
    said = meshclaw("agent", "install", str(reader), "--yes", shown)
    assert said.code == 2
    assert digest(reader) in said.err
    for word in ("yes", "sha256:", shown.removeprefix("sha256:")):
        assert meshclaw("agent", "install", str(reader), "--yes", word).code == 2
    assert not (home / "agents").exists()


def test_a_dry_run_takes_nothing_in(meshclaw: Meshclaw, reader: Path, home: Path) -> None:
    said = meshclaw("agent", "install", str(reader), "--dry-run")
    assert (said.code, facts(home, AgentInstalled)) == (0, [])
    assert digest(reader) in said.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (agent(owner=""), "nobody answers"), (agent(intents="[world.rule]"), "calls for nothing"),
        (agent(effects="[read, admin]"), "effect admin"), ("x", "AGENT.md:1"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_told_and_yes_does_not_lift_it(
    meshclaw: Meshclaw, tmp_path: Path, home: Path, text: str, told: str
) -> None:
    folder = write(tmp_path / "odd", files(text))
    try:
        yes = digest(folder)
    except Exception:  # noqa: BLE001 - it is no agent at all
        yes = "sha256:0"
    said = meshclaw("agent", "install", str(folder), "--yes", yes)
    assert said.code == 2
    assert told in said.err
    assert not (home / "agents").exists()


def test_an_update_shows_what_it_widens_and_starts_anew_but_keeps_a_no(
    meshclaw: Meshclaw, reader: Path, home: Path
) -> None:
    first = install(meshclaw, reader)
    ledger = Ledger(home)
    ledger.record(AutonomyChanged(agent=first, verb="mail.label", level="draft", by="rejection"))
    ledger.record(AutonomyChanged(agent=first, verb="mail.read", level="autonomous", by="person"))
    ledger.close()
    write(
        reader,
        files(agent(version="2", effects="[read, label, send]", verbs="[mail.read, mail.label, mail.send]")),
    )
    told = meshclaw("agent", "diff", "reader", str(reader))
    assert told.code == 1
    assert "+ New: mail.send: Send a draft to other people; asks you each time" in told.out.replace(
        "\n    ", " "
    )
    assert "- No longer: mail.list" in told.out
    shown = meshclaw("agent", "install", str(reader), "--dry-run").out
    assert "+ New: mail.send" in shown
    second = install(meshclaw, reader)
    assert second != first
    lower = [one for one in facts(home, AutonomyChanged) if one.agent == second]
    assert [(one.verb, one.level) for one in lower] == [("mail.label", "draft")]
    assert facts(home, AgentInstalled)[-1].replaces == facts(home, AgentInstalled)[0].digest
    assert meshclaw("agent", "diff", "reader", str(reader)).code == 0


def test_it_may_ask_for_less_autonomy_than_usual_and_more_is_only_a_wish(
    meshclaw: Meshclaw, tmp_path: Path, home: Path
) -> None:
    text = agent(
        effects="[read, label, send]", verbs="[mail.read, mail.label, mail.send]",
        intents="[ask]\nautonomy: {mail.label: one_tap, mail.send: autonomous}",
    )  # fmt: skip
    folder = write(tmp_path / "modest", files(text))
    label = install(meshclaw, folder)
    assert [(one.agent, one.verb, one.level) for one in facts(home, AutonomyChanged)] == [
        (label, "mail.label", "one_tap")
    ]
    said = meshclaw("agent", "show", "reader").out
    assert "mail.send up to autonomous; you decide" in said
    assert meshclaw("autonomy", "set", "reader", "mail.label", "act_with_undo").code == 0
    assert facts(home, AutonomyChanged)[-1].agent == label


def test_policies_and_levels_reach_the_scripts_of_an_installed_agent(
    meshclaw: Meshclaw, reader: Path, home: Path
) -> None:
    label = install(meshclaw, reader)
    [script] = [one["verb"] for one in meshclaw("autonomy", "show", "--json").json() if one["agent"] == label
                and one["verb"] not in ("mail.list", "mail.read", "mail.label", "skill.read")]  # fmt: skip
    assert meshclaw("autonomy", "set", "reader", script, "one_tap").code == 0
    assert (facts(home, AutonomyChanged)[-1].agent, facts(home, AutonomyChanged)[-1].verb) == (label, script)
    said = meshclaw("policy", "explain", script, "--agent", "reader", "--json")
    assert (said.code, said.json()["case"]["agent"]) == (0, "reader")
    assert "no connector declares" in meshclaw("policy", "explain", script).err


def test_a_changed_file_is_noticed_and_it_does_nothing_until_it_is_taken_in_again(
    meshclaw: Meshclaw, reader: Path, home: Path, maildir: Path
) -> None:
    label = install(meshclaw, reader)
    [copy] = (home / "agents").glob("*/AGENT.md")
    copy.chmod(0o600)
    copy.write_text(agent(verbs="[mail.list, mail.read, mail.send]", effects="[read, send]"))
    said = meshclaw("agent", "run", "reader", "send", "it", "--account", f"maildir:{maildir}")
    assert said.code == 1
    assert "not what you took in" in said.err
    assert "AGENT.md" in said.err
    assert "does nothing" in meshclaw("agent", "list").out
    assert install(meshclaw, reader) == label
    assert meshclaw("agent", "show", "reader").code == 0


def test_removed_taken_back_and_purged(meshclaw: Meshclaw, reader: Path, home: Path) -> None:
    label = install(meshclaw, reader)
    assert meshclaw("agent", "remove", "reader", "--dry-run").code == 0
    assert meshclaw("agent", "show", "reader").code == 0
    assert meshclaw("agent", "remove", "reader").code == 0
    assert "remove reader --undo" in meshclaw("agent", "show", "reader").err
    assert meshclaw("agent", "remove", "reader").code == 2
    assert meshclaw("agent", "list", "--json").json()["removed"] == ["reader"]
    assert meshclaw("agent", "remove", "reader", "--undo").code == 0
    assert meshclaw("agent", "show", "reader", "--json").json()["agent"] == label
    assert meshclaw("agent", "remove", "reader", "--purge", stdin="n\n").code == 2
    assert meshclaw("agent", "remove", "reader", "--purge", "--yes").code == 0
    assert meshclaw("agent", "remove", "reader", "--undo").code == 2
    assert not list((home / "agents").iterdir())
    kinds = [type(one) for one in facts(home, AgentInstalled, AgentRemoved, AgentPurged)]
    assert kinds == [AgentInstalled, AgentRemoved, AgentInstalled, AgentRemoved, AgentPurged]


def test_no_word_of_an_agent_is_in_the_ledger(meshclaw: Meshclaw, reader: Path, home: Path) -> None:
    install(meshclaw, reader)
    for fact in facts(home, AgentInstalled):
        body = msgspec.json.encode(fact)
        assert b"Kim" not in body
        assert b"Reads mail" not in body


def test_the_prompt_is_shown_with_its_tokens(meshclaw: Meshclaw, reader: Path) -> None:
    said = meshclaw("agent", "show", str(reader), "--prompt", "--json").json()
    assert set(said["tokens"]) == {"rules", "instructions", "skills", "tools"}
    assert said["total"] == sum(said["tokens"].values()) < 4_000
    assert "How a week is summed up" in said["fixed"]
    assert "Ten lines." not in said["fixed"]
    assert meshclaw("agent", "show", "claw", "--prompt", "--json").json()["total"] < 4_000


def test_a_terminal_of_80_columns_is_enough(meshclaw: Meshclaw) -> None:
    for words in (("show", str(EXAMPLES[0])), ("list",), ("install", str(EXAMPLES[0]), "--dry-run")):
        assert max(map(len, meshclaw("agent", *words).out.splitlines())) < 80


# -- running -----------------------------------------------------------------------------

Scripted = Callable[..., FakeModel]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The claw's models answer by this script."""

    def script(*answers: object) -> FakeModel:
        model = FakeModel(*answers, name="fake:model")  # type: ignore[arg-type]
        entry = Entry(name="fake:model", model="anthropic:claude-haiku-4-5", limit=100)
        monkeypatch.setattr(Claw, "source", lambda _, name: Source(name, [entry], [model], Health()))
        return model

    return script


def wants(verb: str, id_: str = "c1", **arguments: object) -> Said:
    return Said(calls=(Call(id=id_, verb=verb, arguments=arguments),))  # type: ignore[arg-type]


def run(meshclaw: Meshclaw, maildir: Path, *words: str):
    return meshclaw(
        "agent", "run", "reader", *words, "--model", MODEL, "--account", f"maildir:{maildir}", "--json"
    )


def test_it_runs_with_its_instructions_its_skills_and_no_more_than_its_rights(
    meshclaw: Meshclaw, reader: Path, home: Path, maildir: Path, scripted: Scripted
) -> None:
    label = install(meshclaw, reader)
    model = scripted(
        wants("mail.list"), wants("skill.read", skill="weekly"), wants("skill.weekly.count", text="a\nb"),
        wants("mail.archive", mails=["m1"]), "Two lines. I may not archive.",
    )  # fmt: skip
    said = run(meshclaw, maildir, "read", "my", "mail", "and", "archive", "it")
    assert said.code == 0, said.err
    told = [turn for turn in model.prompts[-1].turns if isinstance(turn, Got)]
    assert [one.failed for one in told] == [False, False, False, True]
    assert told[1].text == "Ten lines."
    assert told[2].text.strip() == "2"
    assert "never asked for the right" in told[3].text
    assert "List the inbox, read it" in model.prompts[0].fixed
    assert [tool.verb for tool in model.prompts[0].tools] == [
        "mail.list", "mail.read", "mail.label", "skill.read", "skill.weekly.count"
    ]  # fmt: skip
    decided = {one.verb: (one.verdict, one.rule) for one in facts(home, ActionDecided)}
    assert decided["mail.archive"] == ("deny", "grant.agent")
    assert {one.agent for one in facts(home, RunStarted)} == {label}
    [ended] = facts(home, SandboxEnded)
    assert (ended.code, ended.sandboxed, ended.agent) == (0, True, label)
    assert meshclaw("ledger", "verify").code == 0
    for fact in facts(home, ActionDecided):
        assert meshclaw("guard", "why", fact.id).code == 0


def test_its_own_limits_hold_beside_everybody_s(
    meshclaw: Meshclaw, tmp_path: Path, maildir: Path, scripted: Scripted
) -> None:
    install(meshclaw, write(tmp_path / "reader", files(agent(run="{inference: $0.25, reads: 3}"))))
    model = scripted(*(wants("mail.list", f"c{n}", newest=n + 1) for n in range(3)), "Done.")
    assert run(meshclaw, maildir, "read", "my", "mail").code == 0
    told = [turn.text for turn in model.prompts[-1].turns if isinstance(turn, Got)]
    assert any("the limit is 3 reads per run" in one for one in told)


def test_a_model_is_not_asked_where_its_limit_leaves_no_room(
    meshclaw: Meshclaw, tmp_path: Path, maildir: Path, scripted: Scripted
) -> None:
    install(meshclaw, write(tmp_path / "reader", files(agent(run="{inference: $0.0001}"))))
    model = scripted("never asked")
    said = run(meshclaw, maildir, "read", "my", "mail")
    assert said.code == 3
    assert said.json()["answer"]["end"] == "over_budget"
    assert model.prompts == []


def test_a_run_that_was_cut_goes_on_with_the_version_it_began_with(
    meshclaw: Meshclaw, reader: Path, home: Path, maildir: Path, scripted: Scripted
) -> None:
    first = install(meshclaw, reader)
    scripted(wants("mail.list"), Refused("gone"))
    assert run(meshclaw, maildir, "read", "my", "mail").code == 1
    write(reader, files(agent(version="2", purpose="Is another one by now.")))
    install(meshclaw, reader)
    [started] = facts(home, RunStarted)
    model = scripted("Read.")
    said = meshclaw("run", "resume", started.run)
    assert said.code == 0, said.err
    assert "Reads mail and labels it." in model.prompts[0].fixed
    assert {one.agent for one in facts(home, ModelAsked)} == {first}


def test_a_run_whose_agent_was_removed_holds_nobody_else_up(
    meshclaw: Meshclaw, reader: Path, home: Path, maildir: Path, scripted: Scripted
) -> None:
    install(meshclaw, reader)
    scripted(wants("mail.list"), Refused("gone"))
    assert run(meshclaw, maildir, "read", "my", "mail").code == 1
    ledger = Ledger(home)
    [started] = ledger.events(RunStarted)
    ledger.record(
        RunResumed(run=started.run, intent="ask", agent=started.agent, settled=0)
    )  # and then killed
    ledger.close()
    meshclaw("agent", "remove", "reader")
    assert meshclaw("mail", "triage", f"maildir:{maildir}", "--me", "ada@example.com").code == 0
    assert meshclaw("run", "resume", started.run).code == 2
    assert meshclaw("run", "cancel", started.run).code == 0


def test_a_removed_agent_is_not_run_and_an_intent_that_is_not_its_own_neither(
    meshclaw: Meshclaw, reader: Path, maildir: Path, scripted: Scripted
) -> None:
    install(meshclaw, reader)
    scripted()
    said = meshclaw(
        "agent",
        "run",
        "reader",
        "x",
        "--intent",
        "mail.triage",
        "--model",
        MODEL,
        "--account",
        f"maildir:{maildir}",
    )
    assert said.code == 2
    assert "not made for 'mail.triage'" in said.err
    meshclaw("agent", "remove", "reader")
    assert run(meshclaw, maildir, "read").code == 2
