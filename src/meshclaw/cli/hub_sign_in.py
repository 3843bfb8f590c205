"""``meshclaw hub sign-in``: where the company's people sign in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import click

from meshclaw.cli import screen
from meshclaw.cli.hub_opened import in_folder, opened
from meshclaw.errors import UserError

if TYPE_CHECKING:
    from meshclaw.hub.people import Role


@click.command("sign-in")
@click.argument("issuer")
@click.option("--client", required=True, help="The hub's id at the provider.")
@click.option("--home", required=True, metavar="URL", help="The hub's own address, as browsers see it.")
@click.option("--public", is_flag=True, help="The provider gave no secret; else it is asked for.")
@click.option("--claim", default="groups", show_default=True, help="Where the provider tells roles.")
@click.option(
    "--role", "given", multiple=True, metavar="ROLE=VALUE", help="ROLE for whom the claim has VALUE; again."
)
@in_folder
@screen.dry_run
def command(
    issuer: str, client: str, home: str, claim: str, given: tuple[str, ...], folder: Path | None, *,
    public: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Let people sign in at ISSUER, a provider of OpenID Connect; who is who is told by their verified address.

    Roles: lead, finance, security, admin, representative. Everybody in the roster is an employee.
    """
    with opened(folder) as hub:
        from meshclaw.hub.identity import Provider, put

        secret = (
            "" if public or dry_run else click.prompt("The hub's secret there", hide_input=True, err=True)
        )
        made = Provider(
            issuer=issuer, client=client, secret=secret, home=home, claim=claim, roles=_roles(given)
        )
        if not dry_run:
            put(hub.engine, made)
            _ = hub.identity.begin()  # whether it is one, and answers
    where = f"{home.rstrip('/')}/sign-in"
    screen.words(f"{'Would let' if dry_run else 'Lets'} people sign in at {issuer}: {where}")
    screen.words(f"The provider has to know where to send them back: {where}/done")


def _roles(given: tuple[str, ...]) -> dict[str, Role]:
    from meshclaw.hub.people import Role

    found: dict[str, Role] = {}
    for one in given:
        role, _, value = one.partition("=")
        if role not in get_args(Role) or not value:
            raise UserError(f"{one!r} gives no role", fix="As in: --role finance=money-team")
        found[value] = cast("Role", role)
    return found
