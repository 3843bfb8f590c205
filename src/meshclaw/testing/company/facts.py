"""What the generated company's people tell in a week, as SQL."""

from __future__ import annotations

from datetime import date, timedelta

from meshclaw.flow.fact import quarter_of
from meshclaw.metrics.folder import Week
from meshclaw.metrics.metric import NUMBERS, TEXTS
from meshclaw.testing.company.people import Shape, chance

TOOLS = ("claude-code", "codex", "cursor", "kiro")
MODELS = ("opus", "sonnet", "haiku", "gpt")
INTENTS = ("mail.triage", "code.change", "report.write", "data.question", "exploration")
AGENTS = ("triage", "reviewer", "scribe", "analyst", "own")
CELLS = ("linked", "reworked", "open", "unlinked", "exploration")
RULES = (
    "plan.covered",
    "licence.granted",
    "policy.permit",
    "budget.left",
    "autonomy.ask",
    "origin.stranger",
    "policy.forbid",
)
VERDICTS = ("allow", "allow", "allow", "allow", "ask", "ask", "deny")
"""Of each rule."""
STATES = ("stood", "stood", "stood", "edited", "undone", "reworked", "reverted", "rejected", "ignored")


def of_week(shape: Shape, week: Week, *, ids: bool) -> str:
    """All facts of a week's part; without ``ids`` the column ``id`` is empty: rollups do not need it."""
    monday = date.fromisoformat(week.monday)
    days = [monday + timedelta(days=at) for at in range(7)]
    days = [day.isoformat() for day in days if quarter_of(day) == week.quarter]
    at = (monday - shape.first).days // 7
    id_ = "md5(concat_ws('|', 'fact', seed, i, day, kind, nth))" if ids else "''"
    names = ", ".join(
        f"COALESCE({name}, {0 if name in NUMBERS else repr('')}) AS {name}" for name in (*TEXTS, *NUMBERS)
    )
    return f"""
WITH day AS (SELECT UNNEST({days}) AS day),
here AS (
  SELECT i, seed, unit, days, plays, md5(concat_ws('|', 'who', seed, i, '{week.quarter}')) AS who,
    {chance("active", "i", str(at))} < habit AS active
  FROM person WHERE first_week <= {at} AND last_week > {at} AND habit > 0
),
busy AS (
  SELECT *, strftime(DATE '{week.monday}' + INTERVAL ({chance("on", "i", str(at))} % 5) DAY, '%Y-%m-%d') AS day
  FROM here WHERE active AND NOT plays AND {chance("agents", "i", str(at))} < 5500
),
told AS ({" UNION ALL BY NAME ".join((_nothing(), _used(), _worked(at), _decided(at), _answered(at), _settled(at)))})
SELECT '{week.quarter}' AS quarter, '{week.monday}' AS week, unit, {id_} AS id, {names}
FROM told WHERE day IN (SELECT day FROM day)"""


def _one(names: tuple[str, ...], label: str, *of: str) -> str:
    return f"{list(names)}[1 + {chance(label, *of)} % {len(names)}]"


def _nothing() -> str:
    """All columns, with their types."""
    columns = [*(f"'' AS {name}" for name in TEXTS), *(f"CAST(0 AS BIGINT) AS {name}" for name in NUMBERS)]
    return f"SELECT {', '.join(columns)}, unit, i, seed, 0 AS nth FROM person WHERE false"


def _used() -> str:
    """On some days of an active week; whoever plays the game calls every day, cheaply and for nothing."""
    calls = f"(1 + {chance('calls', 'i', 'day')} % 20)"
    return f"""
SELECT i, seed, unit, who, day, 'used' AS kind, 0 AS nth,
  CASE WHEN plays THEN 40 * {calls} ELSE {calls} END AS count,
  {_one(TOOLS, "tool", "i")} AS tool, {_one(MODELS, "model", "i", "day")} AS model,
  CASE WHEN plays THEN '' ELSE {_one(INTENTS, "intent", "i", "day")} END AS intent,
  CASE WHEN plays THEN 'unlinked' ELSE {_one(CELLS, "cell", "i", "day")} END AS cell,
  {calls} * (CASE WHEN plays THEN 900 ELSE 20000 + {chance("price", "i", "day")} * 7 END) AS cost_micros,
  {calls} * 1500 AS input_uncached, {calls} * 300 AS output
FROM here CROSS JOIN day
WHERE active AND (plays OR {chance("day", "i", "day")} < days * 1700 AND isodow(CAST(day AS DATE)) <= 5)"""


def _worked(week: int) -> str:
    return f"""
SELECT i, seed, unit, who, day, 'worked' AS kind, 1 AS nth, 1 + {chance("runs", "i", str(week))} % 12 AS count,
  {_one(INTENTS, "run", "i", str(week))} AS intent, {_one(AGENTS, "agent", "i")} AS agent,
  {_one(("done", "done", "done", "done", "failed", "cancelled"), "ended", "i", str(week))} AS outcome
FROM busy"""


def _decided(week: int) -> str:
    """Two rules for each."""
    rule = f"1 + ({chance('rule', 'i', str(week))} + nth * 3) % {len(RULES)}"
    return f"""
SELECT i, seed, unit, who, day, 'decided' AS kind, nth, 1 + {chance("decisions", "i", str(week), "nth")} % 30 AS count,
  {_one(INTENTS, "run", "i", str(week))} AS intent, {_one(AGENTS, "agent", "i")} AS agent, 'send' AS effect,
  {list(VERDICTS)}[{rule}] AS verdict, {list(RULES)}[{rule}] AS rule
FROM busy CROSS JOIN (VALUES (2), (3)) AS turn(nth)"""


def _answered(week: int) -> str:
    """Some read nothing."""
    asks = f"(1 + {chance('asks', 'i', str(week))} % 6)"
    return f"""
SELECT i, seed, unit, who, day, 'answered' AS kind, 4 AS nth, {asks} AS count, 'send' AS effect,
  {_one(("allowed", "allowed", "denied", "expired"), "answer", "i", str(week))} AS verdict,
  CASE WHEN {chance("reads", "i")} < 1000 THEN {asks} ELSE {asks} // 3 END AS hasty
FROM busy WHERE {chance("asked", "i", str(week))} < 5000"""


def _settled(week: int) -> str:
    return f"""
SELECT i, seed, unit, who, day, 'settled' AS kind, 5 AS nth, 1 + {chance("deeds", "i", str(week))} % 15 AS count,
  {_one(INTENTS, "run", "i", str(week))} AS intent, {_one(AGENTS, "agent", "i")} AS agent, 'send' AS effect,
  {_one(STATES, "state", "i", str(week))} AS outcome
FROM busy WHERE {chance("settles", "i", str(week))} < 7000"""
