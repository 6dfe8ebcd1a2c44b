"""An image's archive, unpacked as an engine does it: one layer over the other."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

from tests.image.container import Image

WHITEOUT = ".wh."  # OCI image specification, "Whiteouts": the name behind it is gone from here on


def unpack(archive: Path, folder: Path) -> Image:
    """The image of a docker-archive; its layers stay beside its root below `folder`."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="tar")
    (manifest,) = json.loads((folder / "manifest.json").read_text())
    described = json.loads((folder / manifest["Config"]).read_text())
    layers = [folder / name for name in manifest["Layers"]]
    root = folder / "root"
    for layer in layers:
        _lay(layer, root)
    return Image(root, described["config"], described["history"], layers)


def _lay(layer: Path, root: Path) -> None:
    with tarfile.open(layer) as packed:
        members = packed.getmembers()
        for member in members:
            path = Path(member.name)
            if path.name.startswith(WHITEOUT):
                _remove(root / path.parent / path.name.removeprefix(WHITEOUT))
            elif not member.isdir():
                _remove(root / path)
        kept = [member for member in members if not Path(member.name).name.startswith(WHITEOUT)]
        packed.extractall(root, kept, numeric_owner=True, filter="fully_trusted")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
