"""How far apart colours are, for every kind of eye.

Luminance and contrast as WCAG 2.2 has them; colour blindness as Machado, Oliveira and Fernandes (2009) simulate it at
its full severity; distances in CIE 1976 L*a*b* under D65.
"""

from __future__ import annotations

import re
from pathlib import Path

import meshclaw.pages

Linear = tuple[float, ...]
EYES: dict[str, tuple[Linear, ...]] = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no long": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no medium": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no short": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}  # fmt: skip
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.95047, 1.0, 1.08883)


def linear(colour: str) -> Linear:
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)


def times(matrix: tuple[Linear, ...], light: Linear) -> Linear:
    return tuple(sum(a * b for a, b in zip(row, light, strict=True)) for row in matrix)


def contrast(one: str, other: str) -> float:
    dark, bright = sorted(times(XYZ, linear(colour))[1] for colour in (one, other))
    return (bright + 0.05) / (dark + 0.05)


def seen(colour: str, eye: str) -> Linear:
    """As L*a*b*."""
    light = tuple(min(1, max(0, c)) for c in times(EYES[eye], linear(colour)))
    x, y, z = (
        (c / w) ** (1 / 3) if c / w > 0.008856 else 7.787 * c / w + 16 / 116
        for c, w in zip(times(XYZ, light), WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def themes() -> dict[str, dict[str, str]]:
    """Each colour by its name, in light and in dark, as the style sheets say."""
    folder = Path(meshclaw.pages.__file__).parent
    found: dict[str, dict[str, str]] = {"light": {}, "dark": {}}
    for name in ("style.css", "plot.css"):
        screen = (folder / name).read_text("utf-8").partition("@media print")[0]
        for at, block in enumerate(re.findall(r":root \{(.*?)\}", screen)):
            found["dark" if at else "light"] |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    return found
