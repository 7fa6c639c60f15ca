"""What is refused about webhooks: sentences by code (see crm/sentences.py), and what happens to them in words."""

from crm.i18n import N_

WEBHOOKS: dict[str, tuple[str, ...]] = {
    "address_form": (N_("This is no address that can be called. Write it like https://crm.partner.example/hooks."),),
    "address_login": (N_("Leave user name, password and # out of the address."),),
    "address_not_public": (N_("This address is not on the public internet, so it cannot be called."),),
    "address_port": (N_("This port cannot be called. Leave it out, or ask whoever runs this service to allow it."),),
    "address_scheme": (N_("The address must begin with https://."),),
    "agreement_unknown": (N_("There is no agreement called %(given)s that discloses members to you."),),
    "webhook_key_revoked": (N_("The key of this webhook is revoked. Set up another webhook with a key that is not."),),
    "webhook_not_enabled": (N_("Nothing is sent while the webhook is not enabled. Try it again first."),),
    "webhooks_full": (N_("A key has at most %(limit)s webhooks. Remove one first."),),
}
