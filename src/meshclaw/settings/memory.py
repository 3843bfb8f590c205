"""What the person says about the memory, in ``memory.toml`` of the state folder.

embeddings = "/home/ada/models/potion-base-8M"      # a folder on this machine; without it words alone are searched
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from meshclaw.errors import UserError

FILE = "memory.toml"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    embeddings: str = ""


def load(folder: Path) -> Settings:
    path = folder / FILE
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise UserError(
            f"{str(path)!r} cannot be understood ({error})",
            fix='Mend it: it may hold embeddings = "/folder/of/a/model"',
        ) from error
