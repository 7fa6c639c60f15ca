"""The language of sentences in answers: Accept-Language, else English. Programs never get a cookie's choice."""

from litestar.connection import ASGIConnection

from crm.i18n import Translator, translator

DEFAULT = "en"
MOST_WISHES = 20
_SPOKEN = {"nb": "nb", "no": "nb", "nn": "nb", "en": "en"}


def translator_for(connection: ASGIConnection) -> Translator:
    """The translator for whoever asks."""
    header = connection.headers.get("accept-language")
    return translator(_wanted(header) if header else DEFAULT)


def _wanted(header: str) -> str:
    """The best language we speak; the earlier one wins between equals."""
    best, best_quality = DEFAULT, 0.0
    for part in header.split(",")[:MOST_WISHES]:
        tag, _, parameters = part.strip().partition(";")
        language = _SPOKEN.get(tag.strip().lower().split("-")[0])
        quality = _quality(parameters)
        if language and quality > best_quality:
            best, best_quality = language, quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
