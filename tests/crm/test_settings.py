"""A wrong setting refuses to start and is named."""

from pathlib import Path

import pytest

from crm.settings import Settings, SettingsError, from_environment


def test_nothing_set_is_safe() -> None:
    settings = from_environment({})
    assert settings == Settings()
    assert not settings.development
    assert not settings.smtp_url


def test_what_is_set_is_taken() -> None:
    settings = from_environment(
        {
            "DATABASE_URL": "postgresql://u@h/d",
            "KLYNGE_DATA_DIR": "/var/somewhere",
            "KLYNGE_BASE_URL": "https://klynge.example/",
            "KLYNGE_DEVELOPMENT": "1",
            "KLYNGE_POOL_SIZE": "20",
            "KLYNGE_LOG_LEVEL": "debug",
        }
    )
    assert settings.database_url == "postgresql://u@h/d"
    assert settings.data_dir == Path("/var/somewhere")
    assert settings.base_url == "https://klynge.example"
    assert settings.development
    assert settings.pool_size == 20
    assert settings.log_level == "DEBUG"


def test_cookies_need_tls_where_there_is_tls() -> None:
    assert from_environment({"KLYNGE_BASE_URL": "https://klynge.example"}).secure_cookies
    assert not from_environment({}).secure_cookies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u@h/d"),
        ("DATABASE_URL", "postgresql+asyncpg://u@h/d"),
        ("KLYNGE_BASE_URL", "klynge.example"),
        ("KLYNGE_DEVELOPMENT", "yes please"),
        ("KLYNGE_EHF_URL", "ftp://accesspoint.example"),
        ("KLYNGE_EHF_URL", "folder:relative"),
        ("KLYNGE_OUTGOING_PORTS", "https"),
        ("KLYNGE_OUTGOING_PORTS", "0"),
        ("KLYNGE_OUTGOING_PORTS", "443 65536"),
        ("KLYNGE_OUTGOING_PORTS", ""),
        ("KLYNGE_OUTGOING_LOOPBACK", "1"),  # only with KLYNGE_DEVELOPMENT
        ("KLYNGE_POOL_SIZE", "0"),
        ("KLYNGE_POOL_SIZE", "201"),
        ("KLYNGE_POOL_SIZE", "-1"),
        ("KLYNGE_POOL_SIZE", "many"),
        ("KLYNGE_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        from_environment({name: value})
