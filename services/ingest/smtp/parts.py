"""What the conversations of one door share."""

from __future__ import annotations

from dataclasses import dataclass

from services.ingest.accounts.smtp_login import SmtpLogin
from services.ingest.settings import Settings
from services.ingest.smtp.limits import ByteBudget, ConnectionLimits, LoginGuard
from services.ingest.smtp.receiver import Receiver
from services.ingest.smtp.tls import Certificate
from shared.contracts.entities import Workspace


@dataclass
class Parts:
    """One for each door. `stopping` is set when it takes no more messages."""

    settings: Settings
    certificate: Certificate
    login: SmtpLogin
    receiver: Receiver
    connections: ConnectionLimits
    budget: ByteBudget
    guard: LoginGuard
    stopping: bool = False

    def largest(self, workspace: Workspace | None) -> int:
        """The bytes that a message may have: of a workspace, or of any."""
        most = self.settings.smtp_max_message_bytes
        return most if workspace is None else min(most, workspace.max_message_bytes)
