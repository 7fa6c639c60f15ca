"""Whose mail address is it? An organisation's own domain speaks for it; a provider that anybody joins never does."""

from urllib.parse import urlsplit

# Providers of mail, and of web pages, where an address says nothing about an employer. The large ones of the Nordic
# countries and of the world; whatever is missing here is still asked of a manager unless it is the organisation's site.
_SHARED = """
    126.com 163.com aol.com bluezone.no blogspot.com broadpark.no c2i.net comhem.se email.com eunet.no
    facebook.com fastmail.com fastmail.fm frisurf.no getmail.no github.io gitlab.io gmail.com gmx.at gmx.com
    gmx.de gmx.net google.com googlemail.com hey.com home.no hotmail.co.uk hotmail.com hotmail.dk hotmail.fi
    hotmail.no hotmail.se hushmail.com icloud.com instagram.com jubii.dk kolumbus.fi lavabit.com linkedin.com
    linktr.ee live.co.uk live.com live.dk live.no live.se luukku.com lyse.net mac.com mail.com mail.dk mail.ee
    mail.ru me.com medium.com msn.com naver.com netcom.no netlify.app nextgentel.no notion.site online.no
    outlook.com outlook.dk outlook.no pm.me pages.dev pobox.com posteo.de posteo.net privat.dk proton.me
    protonmail.ch protonmail.com qq.com rocketmail.com runbox.com runbox.no seznam.cz sites.google.com sky.com
    spray.no spray.se squarespace.com start.no stofanet.dk suomi24.fi t-online.de telenor.se telia.com tele2.se
    tiscali.it tuta.com tutanota.com usa.net vercel.app web.de weebly.com wix.com wixsite.com wordpress.com
    x.com yahoo.co.uk yahoo.com yahoo.dk yahoo.no yahoo.se yandex.com yandex.ru ymail.com youtube.com zoho.com
    zohomail.eu
"""
SHARED = frozenset(_SHARED.split())


def domain_of(email: str) -> str:
    """What stands after the last @, in small letters."""
    return email.rpartition("@")[2].strip().lower().rstrip(".")


def host_of(website: str) -> str:
    """The name of a site, without www; nothing when the address is none."""
    text = website.strip().lower()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.").rstrip(".")


def is_shared(domain: str) -> bool:
    """Can anybody have an address or a page there?"""
    parts = domain.split(".")
    return any(".".join(parts[at:]) in SHARED for at in range(len(parts)))


def speaks_for(email: str, website: str) -> bool:
    """Is the address at the domain of this site, or at one below it?"""
    domain, host = domain_of(email), host_of(website)
    if not host or "." not in host or is_shared(domain) or is_shared(host):
        return False
    return domain == host or domain.endswith(f".{host}")
