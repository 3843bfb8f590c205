"""The words by which people ask for deeds, in English: short lists, and no grammar beyond where a word stands.

Another language would need its own lists and its own places: half of one licenses by chance. A request in it is
told that nothing in it calls for the deed.
"""

from __future__ import annotations

from typing import NamedTuple


class Verbs(NamedTuple):
    """By which verbs people ask for a deed; ``~`` stands for up to five words between."""

    strong: tuple[str, ...] = ()
    """Ask for it by themselves."""
    weak: tuple[str, ...] = ()
    """Ask for it only where what the deed works on is their object: "delete the file"."""
    into: tuple[str, ...] = ()
    """The same, where what it works on may stand anywhere behind them: "add milk to the list"."""
    fresh: tuple[str, ...] = ()
    """Ask for it only with a new one: "open a ticket" makes one, "open the ticket" reads it."""

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.strong, *self.weak, *self.into, *self.fresh)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


DEEDS: dict[str, Verbs] = {
    "read": Verbs(),
    "fetch": Verbs(_words(
        "read visit open browse check look see summarize summarise research find search get show tell fetch download "
        "follow review compare learn go_to"
    )),
    "create": Verbs(
        weak=_words(
            "create make set_up setup schedule book plan write_up write draft start block prepare generate "
            "arrange organize organise record pencil_in compose log register"
        ),
        into=_words("add put save enter store"),
        fresh=_words("open file raise get have need"),
    ),
    "change": Verbs(weak=_words(
        "change update edit modify set adjust correct extend shorten replace fix turn increase decrease make move "
        "rename close reopen resolve assign reassign mark raise lower complete finish rewrite amend tidy"
    )),
    "reschedule": Verbs(
        _words("reschedule postpone"), _words("move shift push push_back change bring_forward bring delay put_off")
    ),
    "append": Verbs(
        _words("append"), into=_words("add insert write put include extend update complete log comment leave note")
    ),
    "delete": Verbs(weak=_words(
        "delete remove erase trash discard drop get_rid throw_away throw_out clean clean_up clear empty purge wipe"
    )),
    "cancel": Verbs(weak=_words("cancel decline call_off remove delete drop")),
    "move": Verbs(_words("archive"), _words("move file sort put tidy clean clean_up clear organize organise")),
    "label": Verbs(_words("label triage"), _words("mark flag tag star sort")),
    "react": Verbs(_words("react thumbs_up give_~_thumbs_up"), into=_words("add put leave drop")),
    "send": Verbs(
        _words(
            "send mail email e-mail message reply respond answer forward notify inform text dm ping post announce "
            "contact tell thank remind cc bcc write_to write_back get_back_to let_~_know drop_a_line ask_~_if "
            "ask_~_whether ask_~_to ask_~_about ask_~_for ask_~_when"
        ),
        _words("write drop shoot fire_off share return upload"),
    ),
    "share": Verbs(_words("share"), _words("give grant invite"), _words("give_~_access let_~_see let_~_edit")),
    "invite": Verbs(_words("invite"), into=_words("add include bring")),
    "add_member": Verbs(into=_words("add invite put join let")),
    "remove_member": Verbs(_words("kick expel ban"), into=_words("remove take delete throw drop")),
    "publish": Verbs(into=_words("post publish upload put write submit announce update add")),
    "pay": Verbs(
        _words("pay refund reimburse wire settle"), _words("send transfer make schedule"), fresh=_words("make send")
    ),
    "book": Verbs(_words("book reserve rent"), _words("arrange order"), fresh=_words("make get")),
    "unsubscribe": Verbs(_words("unsubscribe"), into=_words("leave stop opt_out cancel get_me_off take_me_off")),
    "deploy": Verbs(_words("deploy ship roll_out"), _words("release promote start push publish put")),
    "roll_back": Verbs(_words("roll_back rollback revert"), _words("undo restore")),
    "run": Verbs(
        _words("execute re-run rerun"), _words("run start call build test retry trigger launch kick_off restart repeat")
    ),
    "remember": Verbs(
        _words("remember memorize memorise keep_in_mind bear_in_mind note_that note_down note_to_self"),
        _words("note save store record"),
    ),
    "forget": Verbs(weak=_words("forget drop delete remove")),
    "code": Verbs(
        _words("refactor implement debug code"),
        _words("change fix write rewrite improve port migrate update extend test clean_up rename document patch add"),
    ),
    "set_secret": Verbs(weak=_words("change set update reset rotate renew replace")),
}  # fmt: skip
"""By deed, the verbs with which people ask for it."""

MYSELF = frozenset("me us myself ourselves".split())
BACK_TO_ME = frozenset("tell let ask remind inform notify show update give share".split())
"""Before *me* they ask for an answer, which is no deed."""
CURRENCY = frozenset(
    "eur euro euros usd dollar dollars gbp pound pounds chf franc francs jpy yen € $ £ ¥".split()
)
MONEY = frozenset("money payment amount".split())

# A word that may be a thing or a deed is a deed only behind one of these (or where a clause begins).
BEFORE_A_DEED = frozenset(
    "and or to please pls plz then also just now next you u we i can could will would should must shall may let's "
    ", ; : . ! ? - not kindly first second third finally afterwards otherwise hey hi hello ok okay so immediately "
    "quickly simply instead ahead later again still always there else maybe dear claw help me".split()
)
TWOFOLD = frozenset(
    "mail email e-mail message text post dm share invite book file label archive draft answer reply forward ping "
    "plan schedule transfer reserve order update release run show set fix move change look check search visit "
    "mark tag note cancel deploy list log record report contact call pay charge merge comment block access permit "
    "grant make put open read get find leave stop trash flag sort start promote branch chat build test rent ship "
    "drop push raise refund wire return review comment complete clear empty clean launch restart retry trigger "
    "issue ban star cc bcc shift turn register need have".split()
)
THIRD_PERSON = frozenset(
    "he she it they who someone somebody anyone anybody nobody everybody everyone which that".split()
)
MODALS = frozenset("can could will would shall should must may might".split())
ASKED_OF = frozenset("you u we please kindly claw".split())
"""Behind a modal verb, these do what is asked; "Bob will send" is what Bob does."""
SPEAKING = frozenset(
    "ask asks asked tell tells told remind reminds reminded want wants wanted invite invites invited instruct "
    "instructed order ordered urge urged request requests requested expect expects expected advise advised say "
    "says said suggest suggests suggested beg begged told wish wishes wished encourage encouraged get allow "
    "allowed promise promised offer offered plan plans planned decided agreed refuse refused forgot forgets "
    "used".split()
)
"""Somebody else is to do what follows their *to*: "ask Bob to delete it"."""
HOW = frozenset("how what where whether when which who why able unable".split())
"""Before *to* they ask for an answer: "how to delete a file"."""

NOT = frozenset("not never without avoid nor".split())
WEAKLY = frozenset(
    "did does has have had was were is are am could can cannot if why or yet still only i he she it they".split()
)
"""Before *not* they tell or ask rather than forbid: "I have not received it, send a reminder"."""
BUT_DO = frozenset("forget hesitate fail only worry mind".split())
"""Behind a *not* they ask all the same: "do not forget to send"."""
TURNS = frozenset("but instead just rather please only then ; however though".split())
"""Where the reach of a *not* ends."""
LEFT_OUT = frozenset("except excepting excluding without".split())
EVERYTHING = frozenset("anything anyone anybody any nothing all".split())

# A sentence that begins with one of these asks for an answer, and calls for no deed.
ASKS_ABOUT = frozenset(
    "did does has had was were is are am who whose which what how when where why have".split()
)
ASKS_WITHOUT_MARK = frozenset("did does has had was were is are am who whose which what how".split())
INFORMS = frozenset("what where when who which whose".split())
"""Behind these an *and* may begin an order: "who wrote last, and reply to them"."""
EVERY = frozenset("all each every everyone everybody".split())

SUPERLATIVES: dict[str, dict[str, int]] = {
    "count": {
        "most": 1, "highest": 1, "largest": 1, "biggest": 1,
        "fewest": -1, "least": -1, "lowest": -1, "smallest": -1,
    },
    "size": {"largest": 1, "biggest": 1, "smallest": -1},
    "time": {"latest": 1, "newest": 1, "last": 1, "oldest": -1, "earliest": -1, "first": -1},
}  # fmt: skip
"""By what is compared: 1 for the greatest, -1 for the least."""
DETERMINERS = frozenset("the my our your his her their its this that these those a an".split())
FRESH = frozenset("a an new another one two three four five some separate further".split())
PREPOSITIONS = frozenset(
    "to into onto from by about because since so if that as saying before after until through via unless when "
    "while whether how what where who which than".split()
)
"""What stands behind them is not the object of the verb before."""
TEXTS_OF = frozenset(
    "summary list copy overview report analysis translation account description number".split()
)
"""Nor what stands behind the *of* of these: "write a summary of the mail" writes no mail."""

DAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december jan feb mar apr jun jul aug sep sept oct nov dec today tomorrow "
    "yesterday".split()
)
COMMON = (
    frozenset(
        "a about above after again all also am an and any anybody anyone anything are as at be because been "
        "before being below best better between both but by can content contents could day days did different do "
        "does doing done down each email everything few first following for from full further good great had has "
        "have having he hello her here hers him his hour hours how i if in info information instead into is it "
        "item items its itself just kind last least less let like main many may me might mine minute minutes "
        "month months more most much must my name names necessary never new next no not nothing now number "
        "numbers of off old on once one ones only or other others our ours out over own page part people per "
        "person place please private public question questions quite rather really relevant right same second "
        "several shall she should since so some somebody someone something soon still subject such summary "
        "summaries text than thank thanks that the their them then there these thing things third this those "
        "three through time times title to today together tomorrow too topic two under until up upon us user "
        "users using very via want was way we week weeks well were what when where whether which while who whom "
        "whose why will with within without word words would year years yes yesterday yet you your yours article "
        "articles message messages mail mails mailbox inbox file files document documents report reports list "
        "lists note notes link links website websites attachment attachments sender recipient recipients "
        "participants everyone everybody task tasks hi hey dear ok okay regarding re fwd fw".split()
    )
    | DAYS
    | THIRD_PERSON
    | SPEAKING
    | TWOFOLD
    | HOW
    | EVERY
    | frozenset(word for words in SUPERLATIVES.values() for word in words)
    | frozenset(word for verbs in DEEDS.values() for verb in verbs.all for word in verb.split())
)
"""Words that stand in requests anyway. What a stranger called like one of them was not named by it."""
GIVEN_NAMES = frozenset("mark will grant page".split())
"""Common words that people are called, too: with a capital they are names."""
