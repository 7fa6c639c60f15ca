"""The fixed texts behind `crm/words.py`: one entry for each stable code, so that no code is without a sentence.

A code may have several sentences; the first one whose values are all given is taken (crm/words.py `refusal`).
"""

from crm.desk_sentences import DESK
from crm.directory_words import DIRECTORY
from crm.dunning_sentences import DUNNING
from crm.federation_sentences import FEDERATION
from crm.funding_sentences import FUNDING
from crm.i18n import N_
from crm.import_sentences import IMPORTS
from crm.invoice_sentences import INVOICES
from crm.member_sentences import MEMBERS
from crm.partner_sentences import PARTNERS
from crm.payment_sentences import PAYMENTS
from crm.privacy_sentences import PRIVACY
from crm.register_words import REGISTER
from crm.renewal_sentences import RENEWALS
from crm.report_sentences import REPORTS
from crm.setup_sentences import SETUP
from crm.share_sentences import SHARES
from crm.sign_in_sentences import SIGN_INS
from crm.webhook_sentences import WEBHOOKS

# What rules, actions and forms refuse. The codes are stable (docs/api.md).
_RULES: dict[str, tuple[str, ...]] = {
    "account_exists": (N_("There is an account with this e-mail address already."),),
    "agreed_fee_too_high": (N_("The fee agreed with the member is above the most that the level allows."),),
    "agreement_both": (N_("That takes both networks: a manager of both, or the word that both agree, with a reason."),),
    "agreement_ended": (N_("The agreement ended on %(on)s. What is over is not changed."),),
    "agreement_missing": (N_("A rule towards %(network)s rests on an agreement; name it."),),
    "already_decided": (N_("This application has been decided already: %(status)s."),),
    "already_ending": (N_("The membership ends on that day already."),),
    "answer_same": (N_("That is what was answered already."),),
    "already_member": (N_("The organisation has been a member of %(network)s since %(since)s."),),
    "already_merged": (N_("%(name)s has become part of another organisation already."),),
    "application_waiting": (N_("An application waits for a decision: %(reference)s. Decide it first."),),
    "merger_elsewhere": (N_("It is a member of %(count)s other networks, and their managers must agree."),),
    "merger_same": (N_("An organisation cannot become part of itself."),),
    "merger_unit": (N_("A unit stays a unit: only units of the same organisation can become one."),),
    "sub_unit_itself": (N_("%(given)s cannot be the main unit of itself."),),
    "split_unit": (N_("%(name)s is not a unit of this organisation."),),
    "split_what": (N_("Name either the unit or the new organisation that stands alone."),),
    "application_open": (N_("The organisation has an open application to %(network)s already."),),
    "band_missing": (N_("No fee band covers an organisation of size %(size)s."),),
    "bands_hole": (N_("The fee bands must follow each other without a hole from 0 up; there is one at %(at)s."),),
    "cases_wrong": (N_("Every case but the last says whom it is for, and the last is for everybody else."),),
    "chain_too_long": (N_("The link rules follow each other for more than %(limit)s links: %(chain)s."),),
    "changed_since": (N_("A newer change of the same fact stands, from %(on)s. Take that one back first."),),
    "component_not_agreed": (N_("No level has a fee called %(given)s that is agreed with each member."),),
    "country_not_open": (N_("This level is not open to organisations in %(given)s."),),
    "currency_mixed": (N_("Amounts in %(left)s and %(right)s cannot be added."),),
    "currency_unknown": (N_("%(given)s is not a currency we bill in."),),
    "date_out_of_range": (
        N_("%(given)s is outside the days that can be chosen: %(earliest)s to %(latest)s."),
        N_("%(given)s is outside the days that can be chosen."),
    ),
    "days_negative": (N_("A number of days cannot be negative."),),
    "decision_unknown": (N_("There is no such decision to take back. It may have been taken back already."),),
    "discount_for_itself": (N_("A fee of %(given)s cannot have a discount for its own members."),),
    "discount_wrong": (N_("A discount is a percentage or an amount above 0, for members elsewhere or those who fit."),),
    "duplicate_code": (N_("%(given)s is used more than once."),),
    "ending_planned": (
        N_("The membership ends on %(on)s, and the event would lock it in until %(until)s. Take the end back first."),
    ),
    "event_end_missing": (N_("The membership is locked in until this event is over; say when that is."),),
    "employer_wrong": (N_("Only a person works for somebody, and not for a person."),),
    "event_unknown": (N_("A member at level %(tier)s knows no event called %(given)s."),),
    "facts_same": (N_("All of this is so on %(on)s already."),),
    "fee_not_agreed": (N_("The fee is agreed with each member, and no agreed fee has been entered for the day."),),
    "fixed_fee_wrong": (N_("A fixed fee has one amount of 0 or more and no bands."),),
    "founding_unknown": (N_("The fee depends on the day of founding, and it is not known."),),
    "hour_value_missing": (N_("Hours that are billed need the value of an hour."),),
    "identifier_checksum": (
        N_("%(given)s is not a valid %(scheme)s: the check digits do not fit. Look for a typing error."),
    ),
    "identifier_format": (N_("%(given)s is not written like a %(scheme)s."),),
    "identifier_length": (N_("%(given)s has the wrong length for a %(scheme)s."),),
    "identifier_scheme": (N_("%(given)s is not a kind of identifier we know: %(known)s."),),
    "identifiers_conflict": (N_("The identifiers belong to different organisations."),),
    "index_missing": (N_("The rulebook has no index called %(given)s."),),
    "index_unknown": (N_("No value of the index %(index)s has been entered for the year %(year)s."),),
    "joining_not_withdrawable": (N_("A joining cannot be taken back. End the membership instead."),),
    "kid_check_digit": (
        N_("The check digit of the KID %(given)s does not fit (%(method)s). Look for a typing error."),
    ),
    "kid_length": (N_("%(length)s digits do not fit into the KID: it takes %(least)s to %(most)s."),),
    "kind_not_open": (N_("This level is not open to organisations of the kind %(given)s."),),
    "lines_missing": (N_("An invoice needs at least one line."),),
    "link_to_itself": (N_("A link rule cannot give membership in its own network, %(given)s."),),
    "lock_in_wrong": (N_("A lock-in of some months has a number of months above 0, and no other has one."),),
    "locked_in": (N_("The membership is locked in: it can neither end nor go down before %(until)s."),),
    "membership_required": (
        N_("This level requires that the organisation is %(tiers)s in %(network)s on %(on)s, and it is not."),
        N_("This level requires that the organisation is a member of %(network)s on %(on)s, and it is not."),
    ),
    "membership_lost": (N_("This level requires a membership in %(network)s, and there is none any more."),),
    "months_negative": (N_("A number of months cannot be negative."),),
    "network_unknown": (N_("There is no network called %(given)s."),),
    "card_not_offered": (N_("Invoices of this host cannot be paid by card."),),
    "card_busy": (N_("The card provider does not answer just now. Please try again in a minute."),),
    "card_refused": (N_("The card provider refused this. Please pay by bank, or ask the host."),),
    "invoice_paid": (N_("The invoice is paid: nothing is left to pay."),),
    "not_a_card_payment": (N_("This payment did not come by card."),),
    "signature_wrong": (N_("The signature does not fit the contents, or is too old."),),
    "notice_short": (
        N_("The agreement asks for %(days)s days of notice. The earliest day is %(earliest)s, unless both agree."),
    ),
    "not_a_member": (N_("The organisation is not a member in its own right on %(on)s."),),
    "not_sent": (N_("This application has not been sent yet."),),
    "organisation_known": (N_("An organisation with this %(scheme)s is registered already."),),
    "outside_year": (N_("%(starts_on)s is outside the membership year."),),
    "parent_wrong": (N_("%(name)s cannot be what it is a unit of: only a whole organisation without such can."),),
    "percent_wrong": (N_("%(given)s is not a percentage from 0 to 100."),),
    "period_empty": (N_("The end must come after the start, %(starts_on)s."),),
    "period_open": (N_("The period needs an end."),),
    "price_wrong": (N_("A price is an amount, a percentage of an index or of a size in money, or hours of work."),),
    "project_days_missing": (N_("A project has a first and a later last day, and no other kind of year has them."),),
    "range_wrong": (N_("A range ends after it begins, and nothing in it is below 0."),),
    "requires_itself": (N_("A level cannot require a membership in its own network, %(given)s."),),
    "places_negative": (N_("A number of places cannot be negative."),),
    "renewal_days_wrong": (N_("Members are told at most %(most)s days before a period."),),
    "role_format": (N_("%(given)s is not a code for a role: small letters, digits and underscores."),),
    "role_held": (N_("It has this role since %(since)s on some of these days already."),),
    "rule_cycle": (
        N_("The link rules go in a circle: %(cycle)s."),
        N_("The link rules go in a circle: %(rules)s."),
    ),
    "rulebook_malformed": (N_("The rulebook cannot be read here: %(message)s."),),
    "rulebook_missing": (N_("%(network)s has no rulebook."),),
    "rulebook_published": (N_("Version %(version)s is published already with another text. Give it a new number."),),
    "seller_not_registered": (N_("The fee has %(percent)s percent VAT, but the seller is not in the VAT register."),),
    "sign_in_failed": (N_("The e-mail address or the password is wrong."),),
    "size_currency_wrong": (N_("Turnover and balance have a currency such as NOK, and no other size has one."),),
    "size_missing": (N_("Fill this in. The fee of this level depends on it."),),
    "size_twice": (N_("The same size is given twice for the same day."),),
    "size_unknown": (
        N_("The fee depends on the size, and it is not known: %(basis)s."),
        N_("The fee depends on the size, and it is not known."),
    ),
    "start_out_of_range": (N_("%(given)s is outside the days to start on: %(earliest)s to %(latest)s."),),
    "step_unknown": (N_("The calculation of the fee has a step that is not known: %(given)s."),),
    "tier_not_public": (N_("This level cannot be applied for. The network offers it itself."),),
    "tier_out_of_reach": (N_("Nobody can become %(tier)s in %(network)s: the levels it requires require each other."),),
    "tier_by_manager": (N_("The network decides who is at this level. Write to it."),),
    "notice_required": (N_("Your network asks for notice: %(earliest)s is the earliest day."),),
    "not_yours_to_undo": (N_("Your organisation can undo what it decided itself: before it begins, or within a day."),),
    "tier_same": (N_("The membership is at this level already."),),
    "tier_unmapped": (N_("The plan does not say what %(tier)s in %(network)s becomes."),),
    "tier_unknown": (
        N_("%(network)s has no level called %(tier)s."),
        N_("There is no level called %(given)s."),
    ),
    "tiers_missing": (N_("A rulebook needs at least one level."),),
    "too_many_employees": (N_("This level is for organisations with at most %(limit)s employees."),),
    "too_old": (N_("This level is for organisations younger than %(limit)s years."),),
    "upgrade_cycle": (N_("The events lead round in a circle: %(cycle)s."),),
    "until_past": (N_("%(given)s is not a day to come."),),
    "vat_country_unknown": (N_("The VAT rate of %(given)s is not known."),),
    "vat_rate_unknown": (N_("The VAT rate of %(country)s on %(on)s is not known."),),
    "upgrade_limited": (N_("An event cannot lead to a level with a limited number of places, %(given)s."),),
    "weights_invalid": (N_("An amount cannot be split like this."),),
}

# What is wrong with one field of a form.
_FIELDS: dict[str, tuple[str, ...]] = {
    "control_characters": (N_("The text contains characters that cannot be shown."),),
    "country_missing": (N_("The country must be chosen."),),
    "country_unknown": (N_("%(given)s is not a country code of two letters, such as NO."),),
    "email_format": (N_("Enter an e-mail address like name@company.no."),),
    "employees_missing": (N_("The number of employees is needed for this level."),),
    "kind_missing": (N_("The kind of organisation must be chosen."),),
    "language_unknown": (N_("%(given)s is not a language we speak: %(known)s."),),
    "level_missing": (N_("A level must be chosen."),),
    "name_with_address": (N_("A name has no web or e-mail address in it."),),
    "number_out_of_range": (
        N_("Enter a number from %(least)s to %(most)s."),
        N_("The number is too large or too small: %(message)s."),
    ),
    "orgnr_missing": (N_("The organisation number is needed; it has nine digits."),),
    "required": (N_("This must be filled in."),),
    "scheme_twice": (N_("Only one %(scheme)s can be given."),),
    "terms_changed": (N_("These are not the newest terms: that is version %(version)s."),),
    "terms_missing": (N_("The terms must be accepted."),),
    "too_short": (N_("The text needs at least %(least)s characters."),),
    "too_long": (N_("The text has %(length)s characters; the limit is %(limit)s."),),
    "too_many": (N_("At most %(limit)s can be given."),),
    "website_format": (N_("Enter an address like https://company.no."),),
}

# What the edge of the API refuses before anything is asked of a rule.
_EDGE: dict[str, tuple[str, ...]] = {
    "body_malformed": (N_("The body is not JSON in UTF-8: %(message)s."),),
    "body_too_large": (N_("The body is larger than %(limit)s bytes."),),
    "body_unexpected": (N_("This request takes no body."),),
    "cursor_invalid": (N_("This cursor is not one of ours. Start again without it."),),
    "cursor-expired": (N_("The cursor is too old to go on from. Begin again with the list of members: %(address)s."),),
    "cursor_foreign": (N_("This cursor was not made for this key and network. Use the one you were given here."),),
    "date_format": (N_("Write the day as YYYY-MM-DD."),),
    "field_missing": (N_("This field is missing."),),
    "field_unknown": (N_("There is no field with this name here."),),
    "forbidden": (N_("This key may not do that."),),
    "header_format": (N_("This header cannot be read: %(rule)s."),),
    "idempotency_in_progress": (N_("A request with this Idempotency-Key is being worked on. Try again shortly."),),
    "idempotency_key_reused": (N_("This Idempotency-Key was used for another request."),),
    "internal_error": (N_("Something went wrong on our side. Nothing was stored."),),
    "length_out_of_range": (N_("The text is too short or too long: %(message)s."),),
    "method_not_allowed": (N_("This address does not take that method: %(allowed)s."),),
    "moment_format": (N_("Write the moment as RFC 3339 with a time zone, or the day as YYYY-MM-DD."),),
    "not_found": (
        N_("There is nothing called %(given)s here, or nothing this key may see."),
        N_("There is nothing at this address, or nothing this key may see."),
    ),
    "parameter_twice": (N_("This parameter may be given only once."),),
    "parameter_unknown": (
        N_("There is no parameter with this name here. There are: %(known)s."),
        N_("There is no parameter with this name here."),
    ),
    "pattern_wrong": (N_("The text is not written as it must be: %(message)s."),),
    "query_malformed": (N_("The query of the address cannot be read."),),
    "stream_whole": (N_("A stream is always today's whole list. Leave out the day, the moment and the cursor."),),
    "too_many_requests": (N_("Too many requests. Try again in %(seconds)s seconds."),),
    "type_wrong": (N_("The value has the wrong type: %(message)s."),),
    "unauthenticated": (N_("A valid key is needed: Authorization: Bearer KEY."),),
    "too_slow": (
        N_("This took longer than the server allows and was stopped; nothing was changed. Ask for less at a time."),
    ),
    "unavailable": (N_("The database cannot be reached or is being upgraded. Try again shortly."),),
    "unsupported_media_type": (N_("The body must be sent as application/json."),),
    "uuid_format": (N_("This is not an id."),),
    "value_unknown": (N_("This value is not one of those that can be chosen: %(message)s."),),
    "version_stale": (N_("It has changed since you read it. Read it again, then decide."),),
}

REFUSALS = _RULES | _FIELDS | _EDGE | INVOICES | PAYMENTS | RENEWALS | DUNNING | PARTNERS | SHARES | SIGN_INS | WEBHOOKS
REFUSALS |= MEMBERS | IMPORTS | SETUP | REGISTER
REFUSALS |= FEDERATION | DIRECTORY | DESK | PRIVACY | REPORTS | FUNDING

KINDS = {
    "company": N_("company"),
    "university": N_("university"),
    "university_college": N_("university college"),
    "research_institute": N_("research institute"),
    "public_body": N_("public body"),
    "association": N_("association"),
    "network": N_("network"),
    "person": N_("person"),
}
SIZES = {
    "employees": N_("employees"),
    "fte": N_("full-time equivalents"),
    "turnover": N_("turnover"),
    "balance": N_("balance sheet total"),
    "area": N_("square metres"),
    "inhabitants": N_("inhabitants"),
    "contracts": N_("contracts"),
    "members": N_("members"),
}
SCHEMES = {
    "no-orgnr": N_("Norwegian organisation number"),
    "vat": N_("VAT number"),
    "lei": N_("LEI"),
    "ror": N_("ROR id"),
    "pic": N_("EU participant code (PIC)"),
}
STATUSES = {
    "draft": N_("draft"),
    "sent": N_("sent"),
    "info_needed": N_("waiting for an answer"),
    "payment_due": N_("waiting for payment"),
    "approved": N_("approved"),
    "declined": N_("declined"),
    "withdrawn": N_("withdrawn"),
}
SHAPES = {
    "unit": N_("a unit inside an organisation"),
    "legal_entity": N_("a legal entity of its own"),
    "any": N_("any"),
}

# Why a link rule did not fire, by predicate; wanted and actual are words already.
COUNTED = {
    "tiers": N_("the level is %(actual)s, and the rule wants %(wanted)s"),
    "kinds": N_("it is of the kind %(actual)s, and the rule wants %(wanted)s"),
    "countries": N_("its country is %(actual)s, and the rule wants %(wanted)s"),
    "unit": N_("it is %(actual)s, and the rule wants %(wanted)s"),
}
# Why a rule whose predicates all hold gives nothing yet.
HELD_BACK = {
    "declined": N_("%(rule)s: gives no membership now. It was declined."),
    "acceptance": N_("%(rule)s: gives no membership now. %(network)s has not accepted it yet."),
    "place": N_("%(rule)s: gives no membership now. All places are taken; it waits for one."),
    "payment": N_("%(rule)s: gives no membership now. It waits for the fee to be paid."),
}

# What happens to a direct or linked grant.
STARTS = {
    "direct": N_("%(organisation)s becomes %(tier)s in %(network)s %(days)s"),
    "linked": N_("Linked membership in %(network)s %(days)s"),
}
ENDS = {
    "direct": N_("%(organisation)s stops being %(tier)s in %(network)s; the last day is %(last)s"),
    "linked": N_("Linked membership in %(network)s ends; the last day is %(last)s"),
}
GOES_ON = {
    "direct": N_("%(organisation)s stays %(tier)s in %(network)s, with no end date"),
    "linked": N_("Linked membership in %(network)s continues, with no end date"),
}
GOES_ON_UNTIL = {
    "direct": N_("%(organisation)s stays %(tier)s in %(network)s; the last day is %(last)s"),
    "linked": N_("Linked membership in %(network)s continues; the last day is %(last)s"),
}
TAKEN_BACK = {
    "direct": N_("%(organisation)s does not become %(tier)s in %(network)s on %(start)s after all"),
    "linked": N_("The linked membership in %(network)s from %(start)s is taken back"),
}

# When a linked membership ends, by its rule's policy.
ENDS_WITH = {
    "with_cause": N_("It ends when %(organisation)s is no longer %(cause)s."),
    "period_end": N_("When %(organisation)s is no longer %(cause)s, it ends with the membership year in %(network)s."),
    "grace": N_("It ends %(n)s days after %(organisation)s is no longer %(cause)s."),
}

# Why a linked membership stands, by whom the rule covers; then how the holder of the cause is called,
# and why nobody is covered.
BECAUSE = {
    "organisation": N_(
        "%(organisation)s is in %(network)s because it is %(cause)s."
        " Rule: %(rule)s, version %(version)s, from %(agreement)s."
    ),
    "units": N_(
        "%(organisation)s is in %(network)s because the organisation it belongs to is %(cause)s."
        " Rule: %(rule)s, version %(version)s, from %(agreement)s."
    ),
    "parent": N_(
        "%(organisation)s is in %(network)s because a unit of it is %(cause)s."
        " Rule: %(rule)s, version %(version)s, from %(agreement)s."
    ),
}
COVERING = {"units": N_("the organisation it belongs to"), "parent": N_("its unit")}
UNCOVERED = {
    "units": N_("it has no units in the register"),
    "parent": N_("it is not a unit of another organisation"),
}
