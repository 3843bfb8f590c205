"""Lines that sessions on this machine wrote, found in commits that say nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from meshclaw.changes import written
from meshclaw.code import commits, git
from tests.cli.test_code import DAY, START, Repo, lines
from tests.readers.test_claude_code import line


def transcript(home: Path, repo: Path, session: str, day: float, *texts: str) -> Path:
    """A session that wrote a file of these lines."""
    moment = datetime.fromtimestamp(START + day * DAY, UTC).isoformat().replace("+00:00", "Z")
    use = {
        "type": "tool_use", "id": f"t-{session}", "name": "Write",
        "input": {"file_path": "x.py", "content": "\n".join(texts)},
    }  # fmt: skip
    call = line(f"m-{session}", session, sessionId=session, timestamp=moment, cwd=str(repo), content=[use])
    folder = home / ".claude" / "projects" / written.NAMED.sub("-", str(repo))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session}.jsonl"
    path.write_text(json.dumps(call) + "\n")
    return path


def test_a_commit_of_lines_that_a_session_wrote_is_its_work(tmp_path: Path) -> None:
    repo, home = Repo(tmp_path / "work" / "shop"), tmp_path / "home"
    other = tmp_path / "work" / "other"
    repo.commit(0, "Start", a=lines("nothing to do with it", 9))
    theirs = repo.commit(10, "Say nothing", b=lines("total += row", 10))
    repo.commit(40, "Too late", c=lines("later = row", 10))
    transcript(home, repo.folder, "s1", 9.9, *lines("  total  += row", 10))
    transcript(home, repo.folder, "s2", 9.9, *lines("something else", 10))
    transcript(home, repo.folder, "s3", 9.9, *lines("later = row", 10))
    transcript(home, other, "s4", 9.9, *lines("total += row", 10))
    with git.opened(repo.folder) as opened:
        entries = written.transcripts(opened.folder, home, {})
        assert sorted(Path(path).stem for path, _ in entries) == ["s1", "s2", "s3"]
        found = written.evidence(opened, commits.read(opened), entries)
    assert {
        sha: [(piece.session, piece.tool, piece.source) for piece in pieces] for sha, pieces in found.items()
    } == {theirs: [("s1", "claude-code", "session")]}


def test_another_state_of_the_transcripts_is_another_one(tmp_path: Path) -> None:
    repo, home = Repo(tmp_path / "shop"), tmp_path / "home"
    common = bytes(repo.folder / ".git")
    path = transcript(home, repo.folder, "s1", 0, "total += row")
    before = written.state(written.transcripts(common, home, {}))
    assert before == written.state(written.transcripts(common, home, {}))
    path.write_text(path.read_text() * 2)
    assert before != written.state(written.transcripts(common, home, {}))


def test_without_any_transcript_there_is_no_evidence(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "shop")
    repo.commit(0, "Start", a=lines("one", 3))
    with git.opened(repo.folder) as opened:
        assert written.evidence(opened, commits.read(opened), []) == {}
