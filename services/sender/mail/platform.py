"""The platform's own signature, beside that of the sending domain: what feedback loops are registered for."""

from __future__ import annotations

import structlog

from services.sender.mail.dkim import LEAST_RSA_BITS, Signer
from services.sender.settings import Settings
from shared.dkim_keys import RSA

log = structlog.get_logger(__name__)


def platform_signer(settings: Settings) -> Signer | None:
    """Signs for the platform's domain; None where the settings name none.

    Raises ValueError, in words for the operator, for a key that cannot be read or is not RSA, which alone all providers
    verify.
    """
    if settings.dkim_domain is None or settings.dkim_selector is None or settings.dkim_key_file is None:
        return None
    file = settings.dkim_key_file
    try:
        signer = Signer(settings.dkim_domain, settings.dkim_selector, file.read_bytes())
    except OSError as error:
        raise ValueError(f"POSTHORN_DKIM_KEY_FILE: {file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise ValueError(f"POSTHORN_DKIM_KEY_FILE: {file} holds no private key in PEM for DKIM: {error}") from error
    if signer.algorithm != RSA:
        raise ValueError(f"POSTHORN_DKIM_KEY_FILE: {file} is to hold an RSA key of {LEAST_RSA_BITS} bits or more")
    log.info("platform signature", domain=signer.domain, selector=signer.selector, record=signer.record)
    return signer
