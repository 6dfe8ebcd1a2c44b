"""The keys as the settings have them."""

from __future__ import annotations

from services.doctor.options import Options


async def gather(options: Options) -> dict[str, bytes]:
    shared = options.shared
    return {
        "POSTHORN_PEPPER": shared.pepper_bytes,
        "POSTHORN_TOKEN_KEY": shared.token_key_bytes,
        "POSTHORN_ENCRYPTION_KEY": shared.encryption_key_bytes,
    }
