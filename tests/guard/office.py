"""Connectors of an ordinary office, declared as a reviewer would: what the guard's tests act through."""

from __future__ import annotations

from meshclaw.flow.declaration import Argument, Declaration, Effect

_TICKET = "ticket issue bug task"
_FILE = "file document doc list sheet note spreadsheet report slides"
_EVENT = "event meeting appointment call lunch dinner calendar reminder slot"
_STAY = "hotel room flight table car seat reservation restaurant train taxi trip"
_CRM = "contact lead deal customer account opportunity"

VERBS: dict[str, tuple[Effect, str, str]] = {
    "mail.send": ("send", "send", "mail email e-mail message"),
    "mail.delete": ("write", "delete", "mail email e-mail message spam"),
    "mail.move": ("write", "move", "mail email e-mail message folder inbox newsletter"),
    "mail.label": ("label", "label", "mail email e-mail message"),
    "mail.unsubscribe": ("send", "unsubscribe", "newsletter list mailing mail"),
    "chat.post": ("send", "send", "message channel question thread"),
    "chat.add_member": ("admin", "add_member", "channel group"),
    "chat.remove_member": ("admin", "remove_member", "channel group workspace team"),
    "files.create": ("write", "create", _FILE),
    "files.append": ("write", "append", _FILE),
    "files.delete": ("write", "delete", _FILE),
    "files.share": ("send", "share", _FILE),
    "files.rename": ("write", "change", _FILE),
    "calendar.create": ("send", "create", _EVENT),
    "calendar.cancel": ("send", "cancel", _EVENT),
    "calendar.reschedule": ("send", "reschedule", _EVENT),
    "calendar.invite": ("send", "invite", _EVENT + " participant attendee guest"),
    "pay.pay": ("spend", "pay", "money payment invoice bill rent amount fee salary"),
    "travel.book": ("spend", "book", _STAY),
    "travel.cancel": ("spend", "cancel", _STAY + " booking"),
    "tickets.create": ("write", "create", _TICKET),
    "tickets.comment": ("send", "append", _TICKET + " comment"),
    "tickets.change": ("write", "change", _TICKET + " priority status assignee"),
    "deploy.deploy": ("deploy", "deploy", "release version service build production staging app"),
    "deploy.roll_back": ("deploy", "roll_back", "release version service build deployment production"),
    "crm.create": ("write", "create", _CRM),
    "crm.change": ("write", "change", _CRM + " phone stage"),
    "crm.delete": ("write", "delete", _CRM),
    "repo.create": ("write", "create", "branch repository repo pull-request pr"),
    "repo.run": ("deploy", "run", "pipeline workflow job test tests script build"),
    "vault.set": ("admin", "set_secret", "password secret key token pin"),
    "web.publish": ("send", "publish", "website webpage page site wiki blog"),
}
"""By verb: its effect, the deed a person must ask for, and what people call the things it works on."""


def declared(verb: str) -> Declaration:
    effect, deed, objects = VERBS[verb]
    return Declaration(
        verb=verb, effect=effect, reversible=True, deed=deed, objects=tuple(objects.split()), words=verb,
        arguments={"to": Argument("destination", type="address", required=False)},
    )  # fmt: skip
