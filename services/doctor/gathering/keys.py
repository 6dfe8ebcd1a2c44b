"""The keys as the settings have them."""

from __future__ import annotations

from services.doctor.options import Options


async def gather(options: Options) -> dict[str, bytes]:
    shared = options.shared
    others = {"TOKEN": shared.token_keys[1:], "ENCRYPTION": shared.encryption_keys[1:]}
    return {
        "POSTHORN_PEPPER": shared.pepper_bytes,
        "POSTHORN_TOKEN_KEY": shared.token_key_bytes,
        "POSTHORN_ENCRYPTION_KEY": shared.encryption_key_bytes,
        **{
            f"POSTHORN_OTHER_{name}_KEYS, key {place}": key
            for name, keys in others.items()
            for place, key in enumerate(keys, 1)
        },
    }
