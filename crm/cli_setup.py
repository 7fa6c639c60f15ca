"""`crm host create` and `crm network create`: the first steps on an empty instance; the office does the rest."""

from typing import Annotated

import msgspec
import typer

from cluster_rules.components import VatCode
from crm.actions import hosts, networks
from crm.actions.networks import Level, Wanted
from crm.cli_networks import network
from crm.cli_tools import OPERATOR, DataDir, on_database, out
from crm.context import Context
from crm.folder import HostRow
from crm.serving import OperatorError
from crm.store import hosts as host_rows

host = typer.Typer(no_args_is_help=True, help="Who runs networks and sends the invoices.")
_HUNDREDTHS = 100


@host.command("create")
def create_host(
    code: Annotated[str, typer.Argument(help="Small letters, digits and hyphens; it never changes.")],
    name: Annotated[str, typer.Argument(help="The legal name, as on invoices.")],
    country: Annotated[str, typer.Option(help="Two capital letters.")] = "NO",
    organisation_number: Annotated[str, typer.Option(help="In the business register.")] = "",
    vat_number: Annotated[str, typer.Option(help="Such as NO123456785MVA; left out: not registered for VAT.")] = "",
    series: Annotated[
        str, typer.Option(help="What invoice numbers begin with; the code in capitals if left out.")
    ] = "",
    email: Annotated[str, typer.Option(help="Where buyers' answers go.")] = "",
    bank_account: Annotated[str, typer.Option(help="A Norwegian account that invoices are paid to.")] = "",
    iban: Annotated[str, typer.Option(help="The same for accounts elsewhere.")] = "",
    language: Annotated[str, typer.Option(help="nb or en.")] = "nb",
    time_zone: Annotated[str, typer.Option(help="Where its days begin.")] = "Europe/Oslo",
    data_dir: DataDir = None,
) -> None:
    """Make a host. Address and the rest are told in the office, Setup."""
    wanted = HostRow(
        code=code,
        name=name,
        country=country,
        organisation_number=organisation_number,
        vat_number=vat_number or None,
        invoice_series=series or code.upper()[:20],
        email=email,
        bank_account=bank_account,
        iban=iban,
        language=language,
        time_zone=time_zone,
    )

    async def work(context: Context) -> None:
        await hosts.create(context, OPERATOR, wanted)

    on_database(data_dir, work)
    out.print(f"The host {code} is made. Next: a network of it (`crm network create`), and who administers it:")
    out.print(f"  crm account create EMAIL --name NAME --role host_admin --host {code}", markup=False)


@network.command("create")
def create_network(
    slug: Annotated[str, typer.Argument(help="Its address: small letters, digits and hyphens; it never changes.")],
    host_code: Annotated[str, typer.Option("--host", help="The code of its host.")],
    name: Annotated[str, typer.Option(help="Its name.")],
    level: Annotated[list[str], typer.Option(help="NAME or NAME:FEE a year, the highest first; several times.")],
    name_nb: Annotated[str, typer.Option(help="Its Norwegian name, if that is another one.")] = "",
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(networks.KINDS)}.")] = "cluster",
    currency: Annotated[str, typer.Option(help="Of its fees.")] = "NOK",
    vat: Annotated[VatCode, typer.Option(help="How its fees are taxed.")] = "exempt_3_13",
    data_dir: DataDir = None,
) -> None:
    """Make a network with its levels. Fees, rules and the rest are changed in the office, Setup."""
    names = {"nb": name_nb or name, "en": name}
    levels = tuple(_level(text) for text in level)
    wanted = Wanted(slug, kind, names, names, levels, currency, vat)

    async def work(context: Context) -> None:
        async with context.db.tx() as connection:
            found = await host_rows.id_of(connection, host_code)
        if found is None:
            raise OperatorError(f"There is no host {host_code}. Make it with `crm host create`.")
        actor = msgspec.structs.replace(OPERATOR, hosts=frozenset({found}))
        await networks.create(context, actor, found, wanted)

    on_database(data_dir, work)
    out.print(f"The network {slug} is made: /n/{slug} in the office, /en/networks/{slug} for everybody.", markup=False)


def _level(text: str) -> Level:
    name, _, fee = text.partition(":")
    if fee and not fee.isdigit():
        raise typer.BadParameter(
            f"{text!r}: a fee is whole kroner (or euros), such as Partner:25000", param_hint="--level"
        )
    return Level(name, name, int(fee or 0) * _HUNDREDTHS)
