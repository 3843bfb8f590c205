"""Histories drawn at random, whose lines know themselves when they were born and when they died.

Every line of source has a text of its own that no other line ever has, so what became of it can be seen by comparing
the trees of two commits as sets: an account that shares nothing with the one under test.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import count
from pathlib import Path

import msgspec

from tests.code.building import Builder

SPACES = ("", " ", "  ", "\t")
KEY = tuple[int, int]


class Made(msgspec.Struct):
    """What a reader has to find, counted along first parents."""

    ids: list[str]
    deaths: Counter[KEY]
    """Lines by birth and death, as positions in ``ids``."""
    alive: Counter[int]
    """Lines at the head by birth."""
    respaced: list[int]


class History:
    def __init__(self, seed: int, *folders: bytes) -> None:
        self.draw = random.Random(seed)
        self.fresh = (f"line {number:x} {self.draw.getrandbits(90):x}" for number in count())
        self.names = (
            b"%s/file %d" % (self.draw.choice([b"a", b"b/c", *folders]), number) for number in count()
        )
        self.trees: list[dict[bytes, list[str]]] = [{}]

    def change(self, tree: dict[bytes, list[str]]) -> dict[bytes, list[str]]:
        """Some files made, edited, respaced, moved and removed."""
        before, tree = tree, {path: list(lines) for path, lines in tree.items()}
        still = set(tree)  # of this name in both: a move with much change is no move to git
        for _ in range(self.draw.randint(0, 4)):
            path = self.draw.choice(sorted(still)) if still else b""
            what = (
                self.draw.choice(["new", "edit", "edit", "edit", "space", "move", "drop"]) if still else "new"
            )
            if what == "new":
                tree[next(self.names)] = self.lines(self.draw.choice([1, 5, 30]))
            elif what == "edit":
                self.edit(tree[path])
            elif what == "space":
                self.space(tree[path])
            elif what == "drop":
                del tree[path]
                still.remove(path)
            elif len(tree[path]) >= 5 and tree[path] == before.get(path):
                moved = tree[next(self.names)] = tree.pop(path)
                moved[1] = self.lines(1)[0]
                still.remove(path)
        return tree

    def lines(self, number: int) -> list[str]:
        return [self.draw.choice(SPACES) + next(self.fresh) for _ in range(number)]

    def edit(self, lines: list[str]) -> None:
        for _ in range(self.draw.randint(1, 3)):
            at = self.draw.randint(0, len(lines))
            lines[at : at + self.draw.randint(0, 3)] = self.lines(self.draw.randint(0, 3))

    def space(self, lines: list[str]) -> None:
        first = self.draw.randint(0, len(lines))
        for at in range(first, min(len(lines), first + self.draw.randint(1, 9))):
            lines[at] = self.draw.choice(SPACES) + lines[at].strip()

    def build(self, folder: Path, commits: int) -> Made:
        """Mostly one commit after the other; sometimes a branch of a few, merged."""
        builder, firsts, tree = Builder(folder), list[int](), dict[bytes, list[str]]()
        trees: list[dict[bytes, list[str]]] = []
        for _ in range(commits):
            merged: list[int] = []
            after = self.change(tree)
            if firsts and self.draw.random() < 0.2:
                side = builder.commit(self.written(self.change(tree)), parents=[firsts[-1]], branch="side")
                merged = [builder.commit(self.written(after), parents=[side], branch="side")]
                after[next(self.names)] = self.lines(self.draw.randint(0, 3))  # a merge may bring in more
            firsts.append(builder.commit(self.written(after), parents=[*firsts[-1:], *merged]))
            trees.append(after)
            tree = after
        ids = builder.done()
        return told([ids[number - 1] for number in firsts], trees)

    def written(self, tree: dict[bytes, list[str]]) -> dict[bytes, bytes]:
        return {path: "".join(f"{line}\n" for line in lines).encode() for path, lines in tree.items()}


def told(ids: list[str], trees: list[dict[bytes, list[str]]]) -> Made:
    made = Made(ids, Counter(), Counter(), [])
    born: dict[str, int] = {}
    before: dict[str, str] = {}
    for position, tree in enumerate(trees):
        now = {line.strip(): line for lines in tree.values() for line in lines}
        born |= {name: position for name in now if name not in born}
        made.deaths.update((born[name], position) for name in before if name not in now)
        made.respaced.append(sum(now[name] != before[name] for name in now if name in before))
        before = now
    made.alive.update(born[name] for name in before)
    return made
