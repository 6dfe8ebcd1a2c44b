"""What the door of submission says beside what every door does, and the core's refusals in its terms."""

from __future__ import annotations

from shared.errors import ProblemError
from shared.smtp.replies import Reply

HELP = Reply(214, "2.0.0", "EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT (RFC 5321, RFC 6409)")
CANNOT_VERIFY = Reply(252, "2.0.0", "addresses are not verified; mail to them is tried")
LOGGED_IN = Reply(235, "2.7.0", "authenticated")
TOO_MANY_LOGINS = Reply(421, "4.7.0", "too many failed logins", close=True)
TOO_FAST = Reply(451, "4.3.0", "messages come faster than the limit of this login or workspace, please slow down")
LOGIN_UNAVAILABLE = Reply(454, "4.7.0", "logins cannot be checked now, please try again")
TLS_FIRST = Reply(530, "5.7.0", "must issue a STARTTLS command first")
TLS_FOR_AUTH = Reply(538, "5.7.11", "encryption is required: issue STARTTLS first")
LOGIN_FIRST = Reply(530, "5.7.0", "authentication required")
LOGIN_WRONG = Reply(535, "5.7.8", "user name or password is wrong")
LOGIN_CANCELED = Reply(501, "5.7.0", "authentication cancelled")
NOT_BASE64 = Reply(501, "5.5.2", "this is not base64")
MECHANISM_UNKNOWN = Reply(504, "5.5.4", "the mechanisms are PLAIN and LOGIN")
NOT_A_SENDER = Reply(550, "5.7.1", "the sender is no verified sender of this workspace, nor of a verified domain")
UTF8_ADDRESS = Reply(553, "5.6.7", "this workspace may not send to or from addresses outside ASCII")


def of_problem(problem: ProblemError) -> Reply:
    """The core's refusal in SMTP's terms: what may pass later is 4xx (RFC 5321 section 4.2.1)."""
    codes = {fault.code for fault in problem.errors}
    text = problem.errors[0].detail if problem.errors else problem.detail
    if problem.status == 429 and problem.code == "quota_exceeded":
        return Reply(452, "4.7.1", text)
    if problem.status in (409, 429) or problem.status >= 500:
        return Reply(451, "4.3.0", text)
    if problem.status == 413:
        return Reply(552, "5.3.4", text)
    if problem.status == 403 or "sender_not_verified" in codes:
        return Reply(550, "5.7.1", text)
    return Reply(550, "5.6.0", text)
