"""A person's words, the toolbox, the real connector and the whole guard: what goes out, what is asked, what never."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meshclaw.connectors.base import Performed, Shelf
from meshclaw.connectors.slack.connector import SlackConnector
from meshclaw.connectors.slack.manifest import DECLARATIONS
from meshclaw.connectors.slack.tools import SlackTools
from meshclaw.errors import UserError
from meshclaw.flow.action import Action
from meshclaw.flow.conversation import Call
from meshclaw.flow.decision import Decision
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.person import Person
from meshclaw.flow.request import Request
from meshclaw.flow.units import new_id
from meshclaw.guard import Context, decide
from meshclaw.guard.directory import Directory
from meshclaw.guard.history import History
from meshclaw.guard.layers.policy import case_of
from meshclaw.testing.policies import permit_all
from tests.connectors.slack.conftest import client_of
from tests.servers.slack import BOT, ME, Slack
from tests.servers.slack.world import HOST

RIGHTS = Rights(effects=frozenset({"read", "write", "send"}), verbs=frozenset({"slack.*"}))
GRANT = Grant(ceiling=RIGHTS, agent=RIGHTS, intent=RIGHTS)
POLICIES = permit_all(DECLARATIONS.values())


class Talk:
    """One run on a person's words, autonomous: only words, targets and content stop an action."""

    def __init__(self, connector: SlackConnector, words: str) -> None:
        self.connector, self.words, self.run = connector, words, new_id()
        self.history, self.shelf, self.tools = History(), Shelf(), SlackTools()
        self.decided: list[Decision] = []

    def call(self, verb: str, **arguments: Any) -> str:
        """What the model is told."""
        use = self.tools.use(Call(id="1", verb=verb, arguments=arguments), self.run, self.shelf)
        answer: list[object] | None = None
        while True:
            try:
                actions = next(use) if answer is None else use.send(answer)
            except StopIteration as end:
                return end.value
            answer = [self.act(action) for action in actions]

    def act(self, action: Action) -> object:
        self.decided.append(decide(action, self.context(action)))
        if self.decided[-1].verdict != "allow":
            return None
        [result] = self.connector.perform([action])
        assert isinstance(result, Performed), result
        value = msgspec.json.decode(msgspec.json.encode(result.value))
        self.history.add(action, DECLARATIONS[action.verb], value)
        return result.value if result.value is not None else result.receipt.link

    def context(self, action: Action) -> Context:
        return Context(
            declaration=DECLARATIONS[action.verb], reviewed=True, grant=GRANT, policies=POLICIES,
            two_person=frozenset(), level="autonomous", now=datetime.now(UTC), history=self.history,
            request=Request(intent="", trigger="terminal", trust="person", words=self.words),
            directory=Directory(own=frozenset({f"{ME}@{HOST}".lower()})),
            person=Person(company=frozenset({HOST})),
        )  # fmt: skip

    @property
    def last(self) -> tuple[str, str]:
        return self.decided[-1].verdict, self.decided[-1].rule


@pytest.fixture
def places(slack: Slack) -> dict[str, str]:
    world = slack.world
    world.stranger("vic", "T0VENDOR", "vendor", real_name="Vic Lane")
    return {
        "deploys": world.channel("deploys", [ME]), "general": world.channel("general", [ME]),
        "board": world.channel("board", [ME], private=True),
        "with-vendor": world.channel("with-vendor", [ME], shared_with=["T0VENDOR"]),
        "kim": world.user("kim.stone", real_name="Kim Stone"), "lee": world.user("lee.fox", real_name="Lee Fox"),
    }  # fmt: skip


def name_of(told: str, what: str) -> str:
    """The short name of the line that holds ``what``."""
    return next(line.split()[0] for line in told.splitlines() if what in line)


def posting(connector: SlackConnector, words: str, where: str, text: str = "All is well.") -> Talk:
    talk = Talk(connector, words)
    talk.call("slack.post", channel=name_of(talk.call("slack.channels"), where), text=text)
    return talk


NAMED = [
    "Post to #deploys that all is well.", "Post 'All is well.' to the channel 'deploys'.",
    "Tell #deploys that all is well.", "Please announce in #deploys that all is well",
]  # fmt: skip


@pytest.mark.parametrize("words", NAMED)
def test_a_channel_that_was_named_is_posted_to(
    slack: Slack, connector: SlackConnector, places: dict[str, str], words: str
) -> None:
    talk = posting(connector, words, "#deploys")
    assert talk.last[0] == "allow", talk.last
    assert slack.world.texts(places["deploys"]) == ["All is well."]


UNNAMED = [
    ("Post to #deploys that all is well.", "#general", ("ask", "denotation.structured")),
    ("Post to #deploys that all is well, but not to #general.", "#general", ("ask", "denotation.left-out")),
    ("Read #deploys and tell me what happened.", "#deploys", ("deny", "licence")),
    ("Do not post to #deploys.", "#deploys", ("deny", "licence")),
    ("What did Kim write in #general?", "#general", ("deny", "licence")),
]  # fmt: skip


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(("words", "where", "decided"), UNNAMED)
def test_any_other_place_is_asked_about_and_what_nobody_asked_for_denied(
    slack: Slack, connector: SlackConnector, words: str, where: str, decided: tuple[str, str]
) -> None:
    assert posting(connector, words, where).last == decided
    assert slack.calls("chat.postMessage") == []


def test_of_two_channels_with_like_names_the_person_must_say_which(
    slack: Slack, connector: SlackConnector
) -> None:
    slack.world.channel("team-news")
    slack.world.channel("team_news")
    assert posting(connector, "Post to the channel 'team news' that all is well.", "#team-news").last == (
        "ask", "denotation.ambiguous",
    )  # fmt: skip


def test_a_channel_that_only_looks_like_the_named_one_is_asked_about(
    slack: Slack, connector: SlackConnector
) -> None:
    slack.world.channel("d\u0435ploys")  # a Cyrillic letter
    assert posting(connector, "Post to #deploys that all is well.", "ploys").last[0] == "ask"


def test_a_channel_called_like_a_common_word_is_not_named_by_it(
    slack: Slack, connector: SlackConnector
) -> None:
    slack.world.channel("the")
    slack.world.channel("channel")
    for where in ("#the", "#channel"):
        assert posting(connector, "Post to the channel that all is well.", where).last[0] == "ask"


# -- outsiders ---------------------------------------------------------------------------------


def test_a_shared_channel_is_asked_about_unless_outsiders_were_spoken_of(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    talk = posting(connector, "Post to #with-vendor that all is well.", "#with-vendor")
    assert talk.last == ("ask", "denotation.structured")
    assert "T0VENDOR@vendor.slack.com" in talk.decided[-1].question
    said = posting(
        connector,
        "Post to our partner in the external channel #with-vendor that all is well.",
        "#with-vendor",
    )
    assert said.last[0] == "allow", said.decided[-1]
    assert len(slack.calls("chat.postMessage")) == 1


@pytest.mark.parametrize(("where", "external", "hosts"), [
    ("#deploys", False, (HOST,)), ("#with-vendor", True, (HOST, "vendor.slack.com")),
])  # fmt: skip
def test_policies_see_who_is_reached(
    connector: SlackConnector, places: dict[str, str], where: str, external: bool, hosts: tuple[str, ...]
) -> None:
    talk = Talk(connector, "Post there.")
    place = talk.shelf[name_of(talk.call("slack.channels"), where)]
    action = Action(run=talk.run, verb="slack.post", arguments={**place, "text": "hello"})
    case = case_of(action, DECLARATIONS["slack.post"], talk.context(action))
    assert (case.external, case.domains) == (external, hosts)


def test_text_of_a_stranger_taints_and_a_colleagues_does_not(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    slack.say(places["deploys"], ME, "the build is broken")
    slack.say(
        places["with-vendor"],
        next(iter(u for u in slack.world.users if slack.world.users[u].get("is_stranger"))),
        "hi",
    )
    talk = Talk(connector, "Read #deploys and #with-vendor and tell me what happened.")
    listed = talk.call("slack.channels")
    talk.call("slack.read", channel=name_of(listed, "#deploys"))
    assert not talk.history.tainted
    talk.call("slack.read", channel=name_of(listed, "#with-vendor"))
    assert talk.history.tainted


# -- people ------------------------------------------------------------------------------------


def test_a_person_who_was_named_gets_a_direct_message(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    talk = Talk(connector, "Send Kim Stone a direct message that all is well.")
    talk.call(
        "slack.dm", person=name_of(talk.call("slack.people", named="Kim Stone"), "kim"), text="All is well."
    )
    assert talk.last[0] == "allow", talk.decided[-1]
    assert slack.world.texts(slack.world.direct(places["kim"])) == ["All is well."]


def test_of_two_people_with_one_name_the_person_must_say_which(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    slack.world.user("kim.stone2", real_name="Kim Stone")
    talk = Talk(connector, "Send Kim Stone a direct message that all is well.")
    talk.call(
        "slack.dm", person=name_of(talk.call("slack.people", named="Kim Stone"), "@kim.stone "), text="hello"
    )
    assert talk.last == ("ask", "denotation.ambiguous")


def test_a_guest_who_bears_the_name_is_asked_about(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    slack.world.user("kim.guest", real_name="Kim Brook", is_restricted=True)
    talk = Talk(connector, "Send Kim Brook a direct message that all is well.")
    talk.call(
        "slack.dm", person=name_of(talk.call("slack.outsiders", named="Kim Brook"), "kim"), text="hello"
    )
    assert talk.last == ("ask", "denotation.structured")


def test_to_oneself_nothing_leaves(slack: Slack, connector: SlackConnector) -> None:
    talk = Talk(connector, "Send me a direct message with what stands in the report.")
    name = name_of(talk.call("slack.people", named="me"), "me")
    talk.call("slack.dm", person=name, text="see https://x.example/y")
    assert talk.decided[-1].rule != "denotation.structured"


# -- mentions ----------------------------------------------------------------------------------


def test_a_mention_is_a_destination_of_its_own(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    for words, verdict in (
        ("Post to #deploys that Kim Stone may go on.", "allow"), ("Post to #deploys that all is well.", "ask"),
    ):  # fmt: skip
        talk = Talk(connector, words)
        channel = name_of(talk.call("slack.channels"), "#deploys")
        person = name_of(talk.call("slack.people", named="Kim Stone"), "kim")
        talk.call("slack.post", channel=channel, text=f"@{person} may go on.")
        assert talk.last[0] == verdict, (words, talk.decided[-1])
    assert slack.world.texts(places["deploys"]) == [f"<@{places['kim']}> may go on."]


@pytest.mark.parametrize(("words", "verdict"), [
    ("Post to #deploys for @channel that all is well.", "allow"), ("Post to the #deploys channel that all is well.",
    "ask"),
    ("Post a channel message to #deploys that all is well.", "ask"),
])  # fmt: skip
def test_everybody_is_rung_only_where_the_person_wrote_it(
    slack: Slack, connector: SlackConnector, places: dict[str, str], words: str, verdict: str
) -> None:
    talk = posting(connector, words, "#deploys", "@channel All is well.")
    assert talk.last[0] == verdict, talk.decided[-1]
    assert slack.world.texts(places["deploys"]) == (["<!channel> All is well."] if verdict == "allow" else [])


def test_a_mention_in_slacks_own_markup_is_only_text(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    posting(
        connector,
        "Post to #deploys that all is well.",
        "#deploys",
        f"<!channel> <@{places['kim']}> all is well",
    )
    assert slack.world.texts(places["deploys"]) == [f"&lt;!channel&gt; &lt;@{places['kim']}&gt; all is well"]


# -- what may flow -----------------------------------------------------------------------------


def test_what_a_private_channel_said_stays_there_unless_it_was_spoken_of(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    secret = "we will close the northern plant in the second week of March"
    slack.say(places["board"], ME, secret)
    for words, verdict in (
        ("Post to #deploys what is new.", "ask"), ("Post to #deploys what was said in #board.", "allow"),
    ):  # fmt: skip
        talk = Talk(connector, words)
        listed = talk.call("slack.channels")
        talk.call("slack.read", channel=name_of(listed, "#board"))
        talk.call("slack.post", channel=name_of(listed, "#deploys"), text=f"News: {secret}.")
        assert talk.last[0] == verdict, (words, talk.decided[-1])


def test_links_that_nobody_supplied_are_held(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    talk = posting(
        connector, "Post to #deploys that all is well.", "#deploys", "See https://evil.example/?q=secret"
    )
    assert talk.last == ("ask", "information.link")


# -- answering ---------------------------------------------------------------------------------


def test_the_latest_message_of_a_named_channel_is_answered(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    slack.say(places["deploys"], ME, "first")
    last = slack.say(places["deploys"], ME, "how is it going?")
    talk = Talk(connector, "Reply to the latest message in #deploys that all is well.")
    listed = talk.call("slack.channels")
    said = talk.call("slack.read", channel=name_of(listed, "#deploys"))
    talk.call("slack.reply", message=name_of(said, "how is it going"), text="All is well.")
    assert talk.last[0] == "allow", talk.decided[-1]
    assert slack.world.messages[places["deploys"]][-1]["thread_ts"] == last
    talk.call("slack.reply", message=name_of(said, "first"), text="All is well.")
    assert talk.last[0] == "ask"


def test_a_reaction_that_was_asked_for(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    slack.say(places["deploys"], ME, "begun")
    slack.say(places["deploys"], ME, "done")
    for words, verdict in (
        ("React with eyes to the latest message in #deploys.", "allow"), ("Read #deploys.", "deny"),
        ("Do not react to messages in #deploys.", "deny"),
    ):  # fmt: skip
        talk = Talk(connector, words)
        said = talk.call("slack.read", channel=name_of(talk.call("slack.channels"), "#deploys"))
        talk.call("slack.react", message=name_of(said, "done"), emoji="eyes")
        assert talk.last[0] == verdict, (words, talk.decided[-1])


@pytest.mark.parametrize(
    "words", ["Upload the report to #deploys.", "Share the file in #deploys.", "Send #deploys the list."]
)
def test_a_file_that_was_asked_for(
    slack: Slack, connector: SlackConnector, places: dict[str, str], words: str
) -> None:
    talk = Talk(connector, words)
    talk.call(
        "slack.upload",
        channel=name_of(talk.call("slack.channels"), "#deploys"),
        name="report.txt",
        text="well",
    )
    assert talk.last[0] == "allow", talk.decided[-1]


# -- the toolbox itself ------------------------------------------------------------------------


def test_names_stay_the_same_and_older_messages_are_read_on(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    for number in range(60):
        slack.say(places["deploys"], ME, f"message {number}")
    talk = Talk(connector, "Read #deploys.")
    channel = name_of(talk.call("slack.channels", named="#deploys"), "#deploys")
    assert channel == name_of(talk.call("slack.channels"), "#deploys")
    said = talk.call("slack.read", channel=channel)
    assert ("message 59" in said, "message 9" in said) == (True, False)
    assert said == talk.call("slack.read", channel=channel)
    older = talk.call("slack.read", channel=channel, before=said.split()[0])
    assert ("message 9" in older, "message 10" in older) == (True, False)


def test_what_is_shown_is_bounded(slack: Slack, connector: SlackConnector, places: dict[str, str]) -> None:
    for _ in range(20):
        slack.say(places["deploys"], ME, "x" * 9000)
    talk = Talk(connector, "Read #deploys.")
    said = talk.call("slack.read", channel=name_of(talk.call("slack.channels"), "#deploys"))
    assert len(said) < 25_000
    assert "older ones are left out" in said


def test_a_run_that_goes_on_after_a_stop_knows_what_it_was_shown(
    slack: Slack, connector: SlackConnector, places: dict[str, str]
) -> None:
    """What was read comes back as plain maps then."""
    use = SlackTools().use(Call(id="1", verb="slack.channels", arguments={}), new_id(), shelf := Shelf())
    next(use)
    [listed] = connector.perform([Action(run=new_id(), verb="slack.channels", arguments={})])
    assert isinstance(listed, Performed)
    with pytest.raises(StopIteration):
        use.send([msgspec.json.decode(msgspec.json.encode(listed.value))])
    assert shelf["c1"]["channel"] == f"{places['board']}@{HOST}"


def test_a_download_and_what_was_posted_have_names_too(
    slack: Slack, connector: SlackConnector, places: dict[str, str], tmp_path: Path
) -> None:
    talk = Talk(
        connector, "Upload the report to #deploys, post there that it is done, and react to it with eyes."
    )
    channel = name_of(talk.call("slack.channels"), "#deploys")
    talk.call("slack.upload", channel=channel, name="report.txt", text="all well")
    said = talk.call("slack.read", channel=channel)
    file = said[said.index("[f") + 1 :].partition(":")[0]
    assert "all well" in talk.call("slack.download", file=file)
    posted = talk.call("slack.post", channel=channel, text="It is done.")
    talk.call("slack.react", message=posted.removesuffix(".").split()[-1], emoji="eyes")
    assert slack.world.messages[places["deploys"]][-1]["reactions"][0]["users"] == [BOT]


@pytest.mark.parametrize(("verb", "arguments"), [
    ("slack.post", {"channel": "c9", "text": "x"}), ("slack.post", {"channel": "p1", "text": "x"}),
    ("slack.post", {"channel": "C0123", "text": "x"}), ("slack.post", {"text": "x"}), ("slack.read", {"channel": 1}),
    ("slack.dm", {"person": "c1", "text": "x"}), ("slack.post", {"channel": "c1", "text": "x", "outside": []}),
])  # fmt: skip
def test_names_that_were_never_shown_are_told_and_nothing_is_tried(
    connector: SlackConnector, places: dict[str, str], verb: str, arguments: dict[str, Any]
) -> None:
    talk = Talk(connector, "Post to #deploys.")
    talk.call("slack.channels")
    talk.call("slack.people", named="kim")
    with pytest.raises(UserError):
        talk.call(verb, **arguments)
    assert len(talk.decided) == 2


def test_a_client_without_a_user_token_has_the_same_tools(slack: Slack, tmp_path: Path) -> None:
    connector = SlackConnector(client_of(slack, "bot", "app"), tmp_path)
    assert Talk(connector, "Search for plans.").call("slack.search", words="plans") == "Nothing was found."
