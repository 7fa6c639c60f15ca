"""Settings: one frozen object, read once from the environment; a wrong value refuses to start."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

OIDC_NAME = "OpenID Connect"


class Settings(msgspec.Struct, frozen=True):
    """Everything an operator can set (docs/operations.md). Defaults are safe, not convenient."""

    database_url: str = ""
    data_dir: Path = Path(".klynge")
    base_url: str = "http://127.0.0.1:8000"
    smtp_url: str = ""
    mail_from: str = "Klynge <post@klynge.example>"
    ehf_url: str = ""
    late_interest: str = ""
    stripe_keys: dict[str, str] = {}
    stripe_secrets: dict[str, tuple[str, ...]] = {}
    stripe_url: str = ""
    outgoing_ports: tuple[int, ...] = (443,)
    outgoing_loopback: bool = False
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_domains: tuple[str, ...] = ()
    oidc_name: str = OIDC_NAME
    data_keys: tuple[str, ...] = ()  # seal the stored secrets: the first one seals, all open
    embed_sites: tuple[str, ...] = ()  # which may show the directory in a frame
    development: bool = False
    pool_size: int = 8
    log_level: str = "INFO"

    @property
    def secure_cookies(self) -> bool:
        """Cookies travel only over TLS, except on a developer's own http address."""
        return self.base_url.startswith("https://")


PORT_MAX = 65535
# Nothing that could end a directive of a Content Security Policy.
_EMBEDDER = re.compile(r"https://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_DATA_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")  # 32 bytes
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(ValueError):
    """An environment variable has a value that cannot be used; the message names it."""


def from_environment(env: Mapping[str, str] = os.environ) -> Settings:
    """Read DATABASE_URL and KLYNGE_*; SettingsError names the variable that is wrong."""
    settings = Settings(
        database_url=env.get("DATABASE_URL", ""),
        data_dir=Path(env.get("KLYNGE_DATA_DIR", ".klynge")),
        base_url=env.get("KLYNGE_BASE_URL", "http://127.0.0.1:8000").rstrip("/"),
        smtp_url=env.get("KLYNGE_SMTP_URL", ""),
        mail_from=env.get("KLYNGE_MAIL_FROM", "Klynge <post@klynge.example>"),
        ehf_url=env.get("KLYNGE_EHF_URL", ""),
        late_interest=env.get("KLYNGE_LATE_INTEREST", ""),
        stripe_keys={host: keys[0] for host, keys in _by_host(env, "KLYNGE_STRIPE_KEY").items()},
        stripe_secrets=_by_host(env, "KLYNGE_STRIPE_WEBHOOK_SECRET"),
        stripe_url=env.get("KLYNGE_STRIPE_URL", "").rstrip("/"),
        outgoing_ports=_ports(env, "KLYNGE_OUTGOING_PORTS"),
        outgoing_loopback=_flag(env, "KLYNGE_OUTGOING_LOOPBACK"),
        oidc_issuer=env.get("KLYNGE_OIDC_ISSUER", ""),
        oidc_client_id=env.get("KLYNGE_OIDC_CLIENT_ID", ""),
        oidc_client_secret=env.get("KLYNGE_OIDC_CLIENT_SECRET", ""),
        oidc_domains=tuple(env.get("KLYNGE_OIDC_DOMAINS", "").lower().split()),
        oidc_name=env.get("KLYNGE_OIDC_NAME", "") or OIDC_NAME,
        embed_sites=tuple(env.get("KLYNGE_EMBED_SITES", "").split()),
        data_keys=_keys(env, "KLYNGE_DATA_KEYS"),
        development=_flag(env, "KLYNGE_DEVELOPMENT"),
        pool_size=_number(env, "KLYNGE_POOL_SIZE", 8),
        log_level=env.get("KLYNGE_LOG_LEVEL", "INFO").upper(),
    )
    if settings.database_url and not settings.database_url.startswith(("postgresql://", "postgres://")):
        raise SettingsError("DATABASE_URL must start with postgresql://")
    if not settings.base_url.startswith(("http://", "https://")):
        raise SettingsError("KLYNGE_BASE_URL must start with http:// or https://")
    if set(settings.stripe_keys) != set(settings.stripe_secrets):
        raise SettingsError("KLYNGE_STRIPE_KEY and KLYNGE_STRIPE_WEBHOOK_SECRET must name the same hosts")
    if settings.ehf_url and not settings.ehf_url.startswith(("folder:/", "http://", "https://")):
        raise SettingsError(
            "KLYNGE_EHF_URL must look like folder:/var/spool/ehf or https://accesspoint.example/documents"
        )
    if settings.outgoing_loopback and not settings.development:
        raise SettingsError("KLYNGE_OUTGOING_LOOPBACK is for development only (KLYNGE_DEVELOPMENT=1)")
    if not all(_EMBEDDER.fullmatch(site) for site in settings.embed_sites):
        raise SettingsError(
            "KLYNGE_EMBED_SITES must be addresses like https://www.cluster.example, with spaces between"
        )
    if settings.late_interest and not Path(settings.late_interest).is_file():
        raise SettingsError("KLYNGE_LATE_INTEREST must be a file with rates, like crm/late_interest.toml")
    _check_oidc(settings)
    if settings.log_level not in LOG_LEVELS:
        raise SettingsError(f"KLYNGE_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    return settings


def _check_oidc(settings: Settings) -> None:
    """All of it or nothing: half a sign-in service would fail in front of whoever signs in."""
    if not settings.oidc_issuer:
        return
    if not settings.oidc_issuer.startswith("https://") and not settings.development:
        raise SettingsError("KLYNGE_OIDC_ISSUER must start with https://")
    if not (settings.oidc_client_id and settings.oidc_client_secret and settings.oidc_domains):
        raise SettingsError("KLYNGE_OIDC_ISSUER needs KLYNGE_OIDC_CLIENT_ID, _CLIENT_SECRET and _DOMAINS as well")


def _by_host(env: Mapping[str, str], name: str) -> dict[str, tuple[str, ...]]:
    """`value` for every host (""), or `host=value other=value`; a host named twice has two values (rotation)."""
    out: dict[str, tuple[str, ...]] = {}
    for part in env.get(name, "").split():
        host, _, value = part.rpartition("=")
        if not value:
            raise SettingsError(f"{name} must be a value, or host=value for each host")
        out[host] = (*out.get(host, ()), value)
    return out


def _keys(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Keys as `crm secrets key` makes them, each once. What is wrong with them is said without them."""
    found = tuple(env.get(name, "").split())
    if not all(_DATA_KEY.fullmatch(each) for each in found) or len(set(found)) != len(found):
        raise SettingsError(f"{name} must be keys as `crm secrets key` makes them, with spaces between, each once")
    return found


def _ports(env: Mapping[str, str], name: str) -> tuple[int, ...]:
    """`443 8443`: where partners' addresses may be called."""
    found = env.get(name, "443").split()
    if not found or not all(each.isascii() and each.isdigit() and 1 <= int(each) <= PORT_MAX for each in found):
        raise SettingsError(f"{name} must be ports with spaces between them, like 443 8443")
    return tuple(map(int, found))


def _flag(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "").lower()
    if value not in ("", "0", "1", "true", "false"):
        raise SettingsError(f"{name} must be 0 or 1, not {value!r}")
    return value in ("1", "true")


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name, str(default))
    if not value.isdigit() or not 1 <= int(value) <= 200:
        raise SettingsError(f"{name} must be a number from 1 to 200, not {value!r}")
    return int(value)
