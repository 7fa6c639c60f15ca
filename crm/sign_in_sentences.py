"""What signing in, invitations and claims refuse, in words; the codes are stable (docs/api.md)."""

from crm.i18n import N_

SIGN_INS: dict[str, tuple[str, ...]] = {
    "claim_over": (N_("This has been decided already."),),
    "code_wrong": (N_("The code is wrong, or it has been used. Take the newest one."),),
    "invitation_over": (N_("This invitation is over: it was used, taken back or replaced, or two weeks have passed."),),
    "last_manager": (N_("Somebody must be left who decides here. Give another person that role first."),),
    "last_way_in": (N_("Your roles ask for two factors, and this is the last one. Add another one first."),),
    "link_elsewhere": (
        N_("This is not the browser in which the link was asked for. Type the code of the mail there."),
    ),
    "link_over": (N_("This link is over: it was used, or it is too old. Ask for a new one."),),
    "data_key_missing": (N_("There is no key to seal with: set KLYNGE_DATA_KEYS (`crm secrets key` makes one)."),),
    "no_app": (N_("There is no app for codes on this account."),),
    "oidc_failed": (N_("Your organisation's sign-in did not work this time. Try again, or sign in another way."),),
    "oidc_unknown": (N_("There is no account for you here yet. Ask for an invitation, then try again."),),
    "passkey_failed": (N_("The passkey was not accepted. Try again, or sign in another way."),),
    "passkey_known": (N_("This passkey is on an account already."),),
    "passkeys_most": (N_("There are %(limit)s passkeys already. Remove one you do not use."),),
    "password_first": (N_("Choose a password first: the codes go with it."),),
    "role_held_already": (N_("%(given)s has a role here already. Change it in the list."),),
    "role_unknown": (N_("There is no role %(given)s. There are: %(known)s."),),
    "step_over": (N_("That took too long, or too many tries. Start again."),),
    "stronger_first": (N_("Sign in with your passkey or your app first; then this can be changed."),),
}
