"""What the conversations of one door share."""

from __future__ import annotations

from dataclasses import dataclass

from services.ingest.accounts.smtp_login import SmtpLogin
from services.ingest.settings import Settings
from services.ingest.smtp.limits import LoginGuard
from services.ingest.smtp.receiver import Receiver
from shared.contracts.entities import Workspace
from shared.smtp.certificate import Certificate
from shared.smtp.dialogue import Door


@dataclass
class Parts:
    """One for each door."""

    settings: Settings
    door: Door
    certificate: Certificate
    login: SmtpLogin
    receiver: Receiver
    guard: LoginGuard

    def largest(self, workspace: Workspace | None) -> int:
        """The bytes that a message may have: of a workspace, or of any."""
        most = self.settings.smtp_max_message_bytes
        return most if workspace is None else min(most, workspace.max_message_bytes)
