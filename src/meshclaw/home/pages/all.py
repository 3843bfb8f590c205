"""Every page, in the order of the menu. A new one is a file beside this one, a template, and a name here."""

from __future__ import annotations

from meshclaw.home.page import Page
from meshclaw.home.pages import agents, approvals, ask, health, ledger, memory, runs, spend, today

PAGES: tuple[Page, ...] = (
    today.PAGE, ask.PAGE, approvals.PAGE, runs.PAGE, agents.PAGE, memory.PAGE, spend.PAGE, ledger.PAGE, health.PAGE,
)  # fmt: skip
