"""A file that is imported while it comes in, and how far that is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.suppression.api.callers import Caller
from services.suppression.api.importing import ImportApi
from services.suppression.api.schemas import ImportDefaults
from services.suppression.store import Imports
from shared.console.uploads import Upload
from shared.errors import ProblemError


@dataclass
class FileImport:
    """Notes how far it is for whichever process shows that."""

    files: ImportApi
    imports: Imports

    async def run(self, caller: Caller, id_: str, defaults: ImportDefaults, upload: Upload, size: int | None) -> None:
        """Imports a workspace's file; why it ended early is noted, and what was imported before stays.

        `size` is that of the request, in bytes. Raises a 404 problem for an id of somebody else's import.
        """
        assert caller.workspace_id is not None
        token = await self.imports.begin(caller.workspace_id, id_, caller.key_id, size)
        read = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal read
            async for piece in upload.file:
                read += len(piece)
                yield piece

        problem = None
        try:
            async for summary in self.files.read(caller, defaults, counted()):
                await self.imports.note(id_, token, read, summary)
        except ProblemError as error:
            problem = error.errors[0].detail if error.errors else error.detail
        await self.imports.end(id_, token, problem)
        if problem is not None:
            await upload.leave()
