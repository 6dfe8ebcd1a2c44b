"""Where the pages are, and the scopes that open them."""

from services.suppression.erasing.api import SCOPE as ERASURES_SCOPE

PATH = "/console/suppressions"
REMOVALS = f"{PATH}/removals"
IMPORTS = f"{PATH}/imports"
ERASURES = f"{PATH}/erasures"
SCOPE = "suppressions"

__all__ = ["ERASURES", "ERASURES_SCOPE", "IMPORTS", "PATH", "REMOVALS", "SCOPE"]
