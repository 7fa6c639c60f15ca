"""What a database that comes out of a backup must forget or say anew, and what is told of it.

`BEFORE` and `after` are SQL for the transaction that puts the tables back (crm/gateways/postgres_backup.py): there is
no moment at which the old cursors, sessions or waiting mails of a restored database would still count.
"""

import msgspec

from crm.database import Connection
from crm.store.feed import RENEW

WITHHELD = "Withheld: it waited when the backup was made, and has probably been sent since."

# The roles of the tenant wall are the server's, not the database's: a new server has none.
BEFORE = """
do $$
declare name text;
begin
    foreach name in array array['crm_reader', 'crm_member'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I nologin', name);
        end if;
        execute format('grant %I to %I', name, current_user);
    end loop;
end $$;
"""
# pg_dump leaves an empty search_path behind.
_AFTER = f"""
set search_path = public;
update feed_epoch set epoch = left(md5(gen_random_uuid()::text), 8), server = feed_server();
{RENEW};
delete from session;
delete from sign_in_step;
"""
_WITHHOLD = f"""
update mail set status = 'cancelled', last_error = '{WITHHELD}' where status in ('queued', 'sending');
update invoice_delivery set status = 'failed', last_error = '{WITHHELD}' where status in ('queued', 'sending');
"""


class Series(msgspec.Struct, frozen=True):
    """A host's invoice series and the last number in it."""

    host: str
    series: str
    last: int


class State(msgspec.Struct, frozen=True):
    """What a restored database holds: of what an operator has to think now."""

    networks: int
    organisations: int
    invoices: int
    keys: int  # that open something
    withheld: int  # mails and deliveries
    numbers: tuple[Series, ...]


def after(send_waiting: bool) -> str:
    """The last words of putting back: partners' positions start anew (they get 410 and read all again, F11), nobody is
    signed in, and what waited to be sent does not go out a second time, unless `send_waiting`."""
    return _AFTER if send_waiting else _AFTER + _WITHHOLD


async def count_tables(connection: Connection) -> int:
    """Tables with rows of their own, whoever's they are."""
    return int(await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'"))


async def state(connection: Connection) -> State:
    """What is in it."""
    row = await connection.fetchrow(
        "select (select count(*) from network) as networks, (select count(*) from organisation) as organisations,"
        " (select count(*) from invoice where number is not null) as invoices,"
        " (select count(*) from api_key where revoked_at is null) as keys,"
        " (select count(*) from mail where last_error = $1)"
        " + (select count(*) from invoice_delivery where last_error = $1) as withheld",
        WITHHELD,
    )
    numbers = await connection.fetch(
        "select h.code as host, s.series, s.last_number as last from invoice_series s join host h on h.id = s.host_id"
        " where s.last_number > 0 order by 1, 2"
    )
    return State(**row, numbers=tuple(Series(**each) for each in numbers))
