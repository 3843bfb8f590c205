"""Which commit each line of a file was born in, followed back through the file's contents, the newest first.

Going back, a commit that put new lines in place of old ones is where the new ones were born; the old ones died in it,
and where they were born will be seen. What is known of a line meanwhile is one number: the commit that it died in; or
that it stands, and where; or that a later commit respaced it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn

import msgspec

from meshclaw.code.chains import Chain, Marks, Step
from meshclaw.code.digests import Digests
from meshclaw.code.history import Batches, Commits
from meshclaw.code.respacing import respaced
from meshclaw.errors import Damaged

FEW = 40
"""Up to so many lines a loop counts faster than a ``Counter``, which takes its time to begin."""
LONGEST = 1_000
"""Bytes of a line that a hand may have written."""
HUNK = re.compile(rb"(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@[^\n]*")
BETWEEN = b"\n@@ -"
WHITE = b" \t\r\f\v"
UNENDED = b"\n\\ No newline at end of file"
RESPACED = 1 << 40
"""From here on a number is the place, in the chain's list, of a line that was respaced."""
Said = Sequence[tuple[int, int, int]]
NOTHING: Mapping[bytes, Said] = {}
PLAIN = (0, 0)


class Respaced(msgspec.Struct, frozen=True, gc=False):
    """A line whose white space alone a commit changed: what was said of it there, and what became of it after."""

    commit: int
    mark: int
    long: int
    became: int


class Held(msgspec.Struct, gc=False):
    """A chain as far back as it has been followed."""

    chain: Chain
    became: list[int] = msgspec.field(default_factory=list[int])
    """Of each line: ``~place`` of one that stands at the end, the commit that ended it, or ``RESPACED`` and more."""
    owners: list[int] = msgspec.field(default_factory=list[int])
    """Of each line that stands at the end the batch, as far as it was found."""
    whole: bool = False
    """All lines are in ``became``; before, those that follow are all as they were in the newest content."""
    text: bool | None = None
    """Whether the content here is; ``None`` where nothing was shown yet."""
    respaced: list[Respaced] = msgspec.field(default_factory=list[Respaced])


class Ownership:
    """Batches and deaths that the new commits bring, numbered on from ``standing``'s; in any order.

    ``lines_of`` says how many lines a content has, -1 for one that is no text.
    """

    def __init__(
        self, commits: Commits, roots: Sequence[int], *, marks: Marks, digests: Digests,
        lines_of: Callable[[bytes], int],
    ) -> None:  # fmt: skip
        self.first = len(roots)
        """Number of the first batch of ours."""
        self.batches = Batches()
        self.died: list[tuple[int, int, int]] = []
        """Commit, root batch, lines; one row for a pair of the first two."""
        self.owners: dict[int, list[int]] = {}
        """By the identity of a chain, of those that stand and were touched."""
        self.alone: dict[int, tuple[int, int]] = {}
        """Likewise the batch and the lines of those that have but one."""
        self._commits, self._roots, self._marks, self._digests = commits, roots, marks, digests
        self._lines_of = lines_of
        self._held: Held | None = None

    # -- a chain

    def untouched(self, chain: Chain) -> None:
        """One without a step."""
        if chain.base and chain.ended < 0:
            return
        if chain.base or chain.apart:
            self.close(Held(chain))
        else:
            lines = max(0, chain.lines)
            batch = self._batch(chain.begun, chain.file, lines) if lines else 0
            self._commits.added[chain.begun] += lines
            if chain.ended < 0:
                self.alone[id(chain)] = batch, lines
            elif lines:
                self._commits.died[chain.ended] += lines
                self.died.append((chain.ended, batch, lines))

    def take(self, chain: Chain, step: Step, told: bytearray, start: int, stop: int) -> None:
        """The next older step of the chain: its hunks in ``told``. ``start`` is -1 where git sees no text."""
        held = self._held
        if held is None or held.chain is not chain:
            held = self._held = Held(chain)
        if start < 0:
            self._binary(held, step)
        else:
            held.text = True
            if step.counts:
                self._hunks(held, step, bytes(told[start:stop]))
            else:
                self._numbers(held, step, told, start, stop)
        if step is chain.steps[0]:
            self._held = None
            self.close(held)

    def close(self, held: Held) -> None:
        """All steps of a chain are taken: where the lines are from that were there before."""
        chain = held.chain
        base = chain.base.lines() if chain.base else None
        lines = max(0, chain.lines) if base is None else len(base)
        self._reach(held, lines)
        if len(held.became) != lines:
            self._lost(chain)
        if base is not None:
            self._stood(held, base)
        elif lines:
            self._commits.added[chain.begun] += lines
            if chain.apart is None:
                self._born(held, chain.begun, held.became)
            else:
                apart: dict[tuple[int, int], list[int]] = {}
                for said, became in zip(chain.apart, held.became, strict=True):
                    apart.setdefault(said, []).append(became)
                self._born_apart(held, chain.begun, apart)
        if chain.ended < 0:
            self.owners[id(chain)] = held.owners

    def _stood(self, held: Held, base: Sequence[int]) -> None:
        owners, roots = held.owners, self._roots
        died: dict[tuple[int, int], int] = {}
        made: dict[tuple[int, int, int, int], int] = {}
        for owner, became in zip(base, held.became, strict=True):
            if became < 0:
                owners[~became] = owner
                continue
            root = roots[owner]
            end = became if became < RESPACED else self._came_of(held, root, became, made)
            if end >= 0:
                died[end, root] = died.get((end, root), 0) + 1
        self.died += [(commit, root, lines) for (commit, root), lines in died.items()]

    def _reach(self, held: Held, end: int) -> None:
        """Lines up to ``end`` are looked at."""
        missing = end - len(held.became)
        if missing <= 0:
            return
        if held.whole:
            self._lost(held.chain)
        ended = held.chain.ended
        if ended >= 0:
            held.became += [ended] * missing
            self._commits.died[ended] += missing
        else:
            place = len(held.owners)
            held.became += range(~place, ~(place + missing), -1)
            held.owners += [0] * missing

    # -- a step

    def _binary(self, held: Held, step: Step) -> None:
        """One side is no text, or both."""
        if held.text is not False:
            lines = self._lines_of(step.new)
            if lines > 0:
                self._reach(held, lines)
                if len(held.became) != lines:
                    self._lost(held.chain)
                self._commits.added[step.commit] += lines
                self._born(held, step.commit, held.became)
        lines = self._lines_of(step.old)
        held.text, held.whole = lines >= 0, True
        held.became = [step.commit] * max(0, lines)
        self._commits.died[step.commit] += len(held.became)
        if step.counts:
            self._digests.add(step.commit, step.source, step.path, step.old, step.new)

    def _numbers(self, held: Held, step: Step, told: bytearray, start: int, stop: int) -> None:
        """Of a file of which nobody asks what its lines say."""
        became, commit = held.became, step.commit
        match, find = HUNK.match, told.find
        born: list[int] = []
        went = 0
        while start >= 0:
            parsed = match(told, start)
            if parsed is None:
                self._unknown(step)
            first, old, _, new = parsed.groups()
            old_n, new_n = 1 if old is None else int(old), 1 if new is None else int(new)
            at = int(first) - 1 if old_n else int(first)
            if at + new_n > len(became):
                self._reach(held, at + new_n)
            went += old_n
            born += became[at : at + new_n]
            became[at : at + new_n] = [commit] * old_n
            start = parsed.end()
            if old_n + new_n < FEW:  # long lines are passed by faster than what begins a hunk is looked for
                for _ in range(old_n + new_n):
                    start = find(b"\n", start + 1, stop)
            if start >= 0:
                start = find(BETWEEN, start, stop)
                start += len(BETWEEN) if start >= 0 else 0
        self._commits.died[commit] += went
        if born:
            self._commits.added[commit] += len(born)
            self._born(held, commit, born)

    def _hunks(self, held: Held, step: Step, hunks: bytes) -> None:  # noqa: C901, PLR0912, PLR0915 - see below
        """The loop in which most of our own time goes: what is rare is called, the rest stands here."""
        became, commit, match = held.became, step.commit, HUNK.match
        said = self._marks.get(self._sha(step), NOTHING).get(step.path, ()) if self._marks else ()
        simple = not said and UNENDED not in hunks
        minus: list[bytes] = []
        plus: list[bytes] = []
        born: list[int] = []
        apart: dict[tuple[int, int], list[int]] = {}
        came = went = same = 0
        for text in hunks.split(BETWEEN):
            parsed = match(text)
            if parsed is None:
                self._unknown(step)
            first, old, number, new = parsed.groups()
            start = parsed.end()
            if old is new is None and simple:  # one line in place of another
                cut = text.find(b"\n\t", start)
                gone, come = text[start:cut].translate(None, WHITE), text[cut:].translate(None, WHITE)
                if gone != come and len(text) - cut < LONGEST:
                    minus.append(gone)
                    plus.append(come)
                    at = int(first) - 1
                    if at >= len(became):
                        self._reach(held, at + 1)
                    born.append(became[at])
                    became[at] = commit
                    went += 1
                    came += 1
                    continue
            old_n, new_n = 1 if old is None else int(old), 1 if new is None else int(new)
            at = int(first) - 1 if old_n else int(first)
            end = at + new_n
            if end > len(became):
                self._reach(held, end)
            went += old_n
            came += new_n
            pairs: Sequence[tuple[int, int]] = ()
            if not new_n:
                minus.append(text[start:].translate(None, WHITE))
            elif not old_n:
                plus.append(text[start:].translate(None, WHITE))
            else:
                cut = text.find(b"\n\t", start)
                if len(text) < LONGEST * (old_n + new_n):
                    pairs = _both(text[start:cut], text[cut:], minus, plus)
                start = cut
            if new_n and (
                pairs or said or (len(text) - start > LONGEST and has_long(text, start, LONGEST + 1))
            ):
                lines = said_of(
                    text[start:].removesuffix(UNENDED).split(b"\n")[1:], int(number), said, LONGEST + 1
                )
                fresh = [commit] * old_n
                self._apart(
                    held, commit, zip(lines, became[at:end], strict=True), apart, before=pairs, fresh=fresh
                )
                became[at:end] = fresh
                same += len(pairs)
            else:
                born += became[at:end]
                became[at:end] = [commit] * old_n
        self._digests.add(commit, step.source, step.path, b"".join(minus), b"".join(plus))
        if apart:
            born += apart.pop(PLAIN, ())
            self._born_apart(held, commit, apart)
        if born:
            self._born(held, commit, born)
        commits = self._commits
        commits.added[commit] += came - same
        commits.died[commit] += went - same
        commits.respaced[commit] += same

    def _apart(
        self, held: Held, commit: int, lines: Iterable[tuple[tuple[int, int], int]],
        apart: dict[tuple[int, int], list[int]], *, before: Sequence[tuple[int, int]], fresh: list[int],
    ) -> None:  # fmt: skip
        """Line by line, as not all of them belong to one batch. Of the old ones, ``fresh`` gets what became of those
        that were respaced, which ``before`` pairs with new ones."""
        olds = {new: old for old, new in before}
        for place, (line, after) in enumerate(lines):
            if place in olds:
                fresh[olds[place]] = RESPACED + len(held.respaced)
                held.respaced.append(Respaced(commit, *line, after))
            else:
                apart.setdefault(line, []).append(after)

    # -- births

    def _born(self, held: Held, commit: int, became: list[int], mark: int = 0, long: int = 0) -> None:
        """In this commit, lines of which the same is to be said. ``became``: of each what became of it."""
        chain, owners = held.chain, held.owners
        batch = self._batch(commit, chain.file, len(became), mark=mark, long=long)
        died: dict[int, int] = {}
        if chain.ended >= 0 and len(became) > FEW:
            died = Counter(became)
        else:
            for end in became:
                if end < 0:
                    owners[~end] = batch
                else:
                    died[end] = died.get(end, 0) + 1
        if held.respaced and died and max(died) >= RESPACED:
            died = self._unfolded(held, batch, died)
        for end, lines in died.items():
            self.died.append((end, batch, lines))

    def _born_apart(self, held: Held, commit: int, lines: Mapping[tuple[int, int], list[int]]) -> None:
        for (mark, long), became in lines.items():
            self._born(held, commit, became, mark, long)

    def _unfolded(self, held: Held, root: int, died: Mapping[int, int]) -> dict[int, int]:
        found = {end: count for end, count in died.items() if end < RESPACED}
        made: dict[tuple[int, int, int, int], int] = {}
        for became in died:
            if became >= RESPACED and (end := self._came_of(held, root, became, made)) >= 0:
                found[end] = found.get(end, 0) + 1
        return found

    def _came_of(self, held: Held, root: int, became: int, made: dict[tuple[int, int, int, int], int]) -> int:
        """A line of ``root`` that was respaced, once or more: each time it joined a batch of that commit's."""
        batch = root
        while became >= RESPACED:
            one = held.respaced[became - RESPACED]
            key = root, one.commit, one.mark, one.long
            found = made.get(key)
            if found is None:
                found = made[key] = self._batch(
                    one.commit, held.chain.file, 0, root=root, mark=one.mark, long=one.long
                )
            batch, became = found, one.became
            self.batches.lines[batch - self.first] += 1
        if became < 0:
            held.owners[~became] = batch
        return became

    def _batch(
        self, commit: int, file: int, lines: int, *, root: int = -1, mark: int = 0, long: int = 0
    ) -> int:
        """A new one; ``root``: -1 for itself."""
        batches = self.batches
        batch = len(batches.commit) + self.first
        batches.commit.append(commit)
        batches.file.append(file)
        batches.lines.append(lines)
        batches.root.append(batch if root < 0 else root)
        batches.mark.append(mark)
        batches.long.append(long)
        return batch

    def _unknown(self, step: Step) -> NoReturn:
        raise Damaged(f"commit {self._sha(step)}: git describes a change of {step.path!r} in an unknown way")

    def _sha(self, step: Step) -> str:
        return self._commits.sha[step.commit]

    def _lost(self, chain: Chain) -> NoReturn:
        raise Damaged(f"the contents of {chain.path!r} do not follow from one another as git tells them")


def _both(old: bytes, new: bytes, minus: list[bytes], plus: list[bytes]) -> Sequence[tuple[int, int]]:
    """Pairs of an old and a new line that differ in white space alone; the texts without it go to the last two."""
    gone_text = old.removesuffix(UNENDED).translate(None, WHITE)
    come_text = new.removesuffix(UNENDED).translate(None, WHITE)
    if gone_text == come_text:
        return [(line, line) for line in range(gone_text.count(b"\n"))]
    minus.append(gone_text)
    plus.append(come_text)
    gone, come = gone_text.split(b"\n"), come_text.split(b"\n")
    if len(gone) == len(come) == 2:  # an empty string comes before the first line break
        return ()
    return respaced(gone[1:], come[1:])


def said_of(lines: Sequence[bytes], first: int, said: Said, longest: int) -> list[tuple[int, int]]:
    """Of each line its mark, and whether it is long. ``first``: number of the first one."""
    if not said:
        return [(0, int(len(line) > longest)) for line in lines]
    return [
        (next((mark for start, stop, mark in said if start <= number <= stop), 0), int(len(line) > longest))
        for number, line in enumerate(lines, first)
    ]


def has_long(text: bytes, at: int, longest: int) -> bool:
    """Behind the line break ``at``. In steps from the last one within reach to the next: most bytes are passed by."""
    size = len(text)
    while size - at > longest + 1:
        at = text.rfind(b"\n", at + 1, at + longest + 2)
        if at < 0:
            return True
    return False
