"""Where settings come from: the environment (`POSTHORN_…`), and files for what is secret."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict


def _folder(value: Path | None) -> Path | None:
    if value is not None and not value.is_dir():
        raise ValueError("is not a directory")
    return value


FolderSetting = Annotated[Path | None, AfterValidator(_folder)]


class PosthornSettings(BaseSettings):
    """No value stands in an error: it could be a secret."""

    model_config = SettingsConfigDict(env_prefix="POSTHORN_", extra="ignore", frozen=True, hide_input_in_errors=True)

    secrets_dir: FolderSetting = Field(
        None, description="directory of files, each named like a setting's variable, for what the environment lacks"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the caller gives, then the environment, then the files of `POSTHORN_SECRETS_DIR`."""
        folder = os.environ.get("POSTHORN_SECRETS_DIR")
        readable = folder is not None and Path(folder).is_dir()
        files = (SecretsSettingsSource(settings_cls, secrets_dir=folder),) if readable else ()
        return init_settings, env_settings, *files
