"""Secrets at rest, without a database: what seals, what opens, and what is said when nothing does."""

import base64

import pytest

from crm import vault
from crm.settings import SettingsError, from_environment
from crm.vault import SealBroken, Vault

OLD, NEW, OTHER = (base64.urlsafe_b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
SECRET = b"whsec_c2VjcmV0"


def test_the_first_key_seals_and_all_open() -> None:
    old, both = Vault([OLD]), Vault([NEW, OLD])
    sealed = old.seal("webhook:1", SECRET)
    assert SECRET not in sealed and sealed.startswith(f"sealed:{vault.fingerprint(OLD)}:".encode())
    assert both.open("webhook:1", sealed) == SECRET
    again = both.seal("webhook:1", SECRET)
    assert again.startswith(f"sealed:{vault.fingerprint(NEW)}:".encode())
    assert Vault([NEW]).open("webhook:1", again) == SECRET
    assert old.seal("webhook:1", SECRET) != sealed, "the same secret twice does not look the same"


def test_without_keys_secrets_are_as_they_are_and_stay_readable_with_keys() -> None:
    assert Vault().seal("webhook:1", SECRET) == SECRET
    assert Vault([OLD]).open("webhook:1", SECRET) == SECRET
    assert Vault([OLD]).seal_text("webhook:1", "") == Vault([OLD]).open_text("webhook:1", "") == ""


@pytest.mark.parametrize("keys", [(), (OTHER,), (OTHER, NEW)])
def test_a_key_that_is_not_there_is_named_and_nothing_else(keys: tuple[str, ...]) -> None:
    sealed = Vault([OLD]).seal("webhook:1", SECRET)
    with pytest.raises(SealBroken, match=f"webhook:1.*{vault.fingerprint(OLD)}") as broken:
        Vault(keys).open("webhook:1", sealed)
    told = f"{broken.value} {broken.value.__context__}"
    assert not any(hidden in told for hidden in (OLD, NEW, OTHER, SECRET.decode(), sealed.decode()[16:]))


def test_what_was_sealed_for_one_row_opens_nothing_of_another() -> None:
    sealed = Vault([OLD]).seal("webhook:1", SECRET)
    for other in ("webhook:2", "authenticator:1", "webhook:1\0whsec_", "webhook:"):
        with pytest.raises(SealBroken, match="sealed for something else"):
            Vault([OLD]).open(other, sealed)


def test_a_turned_letter_is_seen() -> None:
    sealed = bytearray(Vault([OLD]).seal("webhook:1", SECRET))
    sealed[-10] ^= 1
    with pytest.raises(SealBroken):
        Vault([OLD]).open("webhook:1", bytes(sealed))


def test_keys_are_read_from_the_environment_and_a_wrong_one_is_not_repeated() -> None:
    assert from_environment({"KLYNGE_DATA_KEYS": f" {NEW}  {OLD} "}).data_keys == (NEW, OLD)
    assert Vault([vault.new_key()]).seals_with
    for wrong in ("short", NEW[:-1], f"{NEW} {NEW}", f"{NEW},{OLD}"):
        with pytest.raises(SettingsError, match="KLYNGE_DATA_KEYS") as told:
            from_environment({"KLYNGE_DATA_KEYS": wrong})
        assert wrong not in str(told.value)
