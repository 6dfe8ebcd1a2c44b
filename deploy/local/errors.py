"""What can go wrong while a local Posthorn is installed, started or stopped."""


class LocalError(RuntimeError):
    """Says in one line what failed and what to do; commands print it without a traceback."""


class InstallError(LocalError):
    """A program or file that the stack needs is not there and could not be installed."""


class StartError(LocalError):
    """A process ended or was not ready within its deadline. `log_tail` holds the last lines it wrote."""

    def __init__(self, message: str, log_tail: str = "") -> None:
        super().__init__(message)
        self.log_tail = log_tail
