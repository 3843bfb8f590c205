"""What passes between a run and a model: each call reserved before it is made, booked after it, never made twice."""

from __future__ import annotations

from typing import Literal

from meshclaw.flow.event.base import Event

Stuck = Literal["same", "circle", "no-progress", "steps"]


class ModelAsked(Event, frozen=True, kw_only=True, tag="model.asked"):
    """A call is about to be made. Without an answer its reserve counts as spent: nobody knows."""

    step: int
    """1 for the first of the run."""
    model: str
    """The one asked first, as its settings name it."""
    reserved_micros: int
    """The most that the answer can cost, in micro-dollars."""


class ModelAnswered(Event, frozen=True, kw_only=True, tag="model.answered"):
    step: int
    """1 for the first of the run."""
    model: str
    """As the server names it."""
    provider: str
    """Of the model, as in the price list."""
    said: str
    """Digest of the whole answer in the content store."""
    calls: int
    """Actions it wants."""
    cut: bool
    """It ran into the limit of output tokens."""
    counted: bool
    """False: the server did not say what was used, so the tokens are the most it can have been."""
    input_uncached: int
    """Tokens read anew."""
    cache_read: int
    """Tokens read from the vendor's cache."""
    cache_write_5m: int
    """Tokens written to it for five minutes."""
    cache_write_1h: int
    """Tokens written to it for an hour."""
    output: int
    """Tokens of the answer, thoughts included."""
    reasoning: int
    """Part of ``output``."""
    tool: int
    """Searches that the vendor ran and counts by themselves."""
    cost_micros: int
    """Micro-dollars."""
    price_table: str
    """Version of the prices."""
    guessed: bool
    """The model has no price in the table: the dearest known one was taken."""


class ModelFailed(Event, frozen=True, kw_only=True, tag="model.failed"):
    step: int
    """1 for the first of the run."""
    model: str
    """The one that was asked, as its settings name it."""
    error: str
    """Stable code of the error."""
    ms: int
    """How long it took to fail."""
    kept_micros: int
    """The most that it may be billed all the same: an answer that broke off in the middle."""
    last: bool
    """No other model was left, so the step ended without an answer."""


class StepTaken(Event, frozen=True, kw_only=True, tag="step.taken"):
    """What the model wanted was tried, and how it went is kept: the step is behind us."""

    step: int
    """1 for the first of the run."""
    got: str
    """Digest of what the model is told, in the content store."""


class AnswersTold(Event, frozen=True, kw_only=True, tag="answers.told"):
    """The model was told what the person answered to what had waited for them."""

    told: str
    """Digest of it in the content store."""


class RunStuck(Event, frozen=True, kw_only=True, tag="run.stuck"):
    """It was stopped, for it went on without getting on."""

    step: int
    """1 for the first of the run."""
    how: Stuck
    """``same``: one call again and again; ``circle``: the same few in turn; ``no-progress``: nothing that it wants
    happens; ``steps``: as many as a run may take."""


class AnswerGiven(Event, frozen=True, kw_only=True, tag="answer.given"):
    said: str
    """Digest of what the person was shown, in the content store."""
    corrected: int
    """Sentences that claimed a deed without a receipt, and were corrected."""
