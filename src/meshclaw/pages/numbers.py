"""Numbers as people read them, and names as they may stand in a page."""

from __future__ import annotations

from datetime import date

from meshclaw.agents.triage.plain import plain

LETTERS = ((10**9, "G"), (10**6, "M"), (10**3, "k"))


def money(micros: int) -> str:
    """Dollars and cents, or enough digits to see that it is not nothing."""
    return f"${micros / 1e6:,.2f}" if not micros or abs(micros) >= 10_000 else f"${micros / 1e6:.6f}"


def short(count: int) -> str:
    """Three digits and a letter: ``2.86 G``."""
    for size, letter in LETTERS:
        if count >= size:
            value = count / size
            return f"{value:.2f} {letter}" if value < 100 else f"{value:,.0f} {letter}"
    return str(count)


def share(part: float, whole: float) -> str:
    """As a percentage that is only 0 or 100 where it is nothing or all; a dash of a whole that is nothing."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) or 10 <= percent < 99 else f"{percent:.1f} %"


def dollars_tick(micros: float) -> str:
    """On an axis, whose steps say how many digits there are: ``$250``, ``$0.005``."""
    dollars = micros / 1e6
    if dollars >= 10_000:
        return f"${short(round(dollars))}".replace(".00 ", " ")
    return f"${dollars:,.0f}" if dollars == round(dollars) else f"${dollars:,.6f}".rstrip("0")


def percent_tick(part: float) -> str:
    return f"{100 * part:.0f} %"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 call``, ``4,585 calls``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def day(of: date) -> str:
    return f"{of.day} {of:%B %Y}"


def name(text: str, limit: int = 200) -> str:
    """What a stranger may have chosen, on one line and without anything that turns text around."""
    return plain(text, limit) or "not said"


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
