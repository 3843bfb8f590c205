"""An agent as a folder: its definition, its skills, and the digest over all its files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from meshclaw.agents import definition as definitions
from meshclaw.agents import skill as skills
from meshclaw.agents.definition import FILE, Definition
from meshclaw.agents.frontmatter import decoded
from meshclaw.agents.skill import SkillFolder
from meshclaw.agents.source.files import Files, digest
from meshclaw.errors import UserError
from meshclaw.flow.agent import Agent, Skill
from meshclaw.flow.declaration import Declaration

SKILLS = "skills/"
READ_BY_PEOPLE = (".md", ".toml", ".py", ".sh", ".txt")
"""What a person reviews must show all that is in it."""


class Package(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    definition: Definition
    instructions: str
    skills: tuple[SkillFolder, ...]
    """Those that the definition names, in its order."""
    files: Files

    @cached_property
    def digest(self) -> str:
        return digest(self.files)

    @cached_property
    def agent(self) -> Agent:
        one = self.definition
        return Agent(
            name=one.name, version=one.version, purpose=one.purpose, owner=one.owner, intents=one.intents,
            rights=definitions.rights(one), digest=self.digest, limits=one.budget, model=one.model,
            instructions=self.instructions,
            skills=tuple(Skill(name=skill.name, description=skill.front.description) for skill in self.skills),
        )  # fmt: skip

    @property
    def declarations(self) -> list[Declaration]:
        """What its scripts are declared to do."""
        return [script.declaration for skill in self.skills for script in skill.scripts]

    @property
    def unnamed(self) -> list[str]:
        """Skills that lie there and that the definition does not name: no run sees them."""
        lying = {path.split("/")[1] for path in self.files if path.startswith(SKILLS) and path.count("/") > 1}
        return sorted(lying - {skill.name for skill in self.skills})


def open_(files: Files) -> Package:
    """Raises UserError, with file and line, for whatever is not as it should be."""
    if FILE not in files:
        raise UserError(f"there is no {FILE} at the top of it", fix="Begin one with: meshclaw agent new NAME")
    for path, content in files.items():
        if path.endswith(READ_BY_PEOPLE):
            decoded(content, path)
    definition, instructions = definitions.read(files[FILE])
    found = tuple(
        skills.read(f"{SKILLS}{name}", below(files, f"{SKILLS}{name}/")) for name in definition.skills
    )
    return Package(definition=definition, instructions=instructions, skills=found, files=files)


def below(files: Files, folder: str) -> Mapping[str, bytes]:
    return {path.removeprefix(folder): content for path, content in files.items() if path.startswith(folder)}
