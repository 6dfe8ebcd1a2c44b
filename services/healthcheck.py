"""`python -m services.healthcheck`: ends with 0 if this container's process answers /livez, with 1 if it does not.

It runs every few seconds, so it imports as little as it can.
"""

import http.client
import os
import sys

DEFAULT_PORT = "9464"


def is_alive(port: int, seconds: float = 4) -> bool:
    """Whether GET /livez on the health port answers 200 in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_alive(int(os.environ.get("POSTHORN_HEALTH_PORT", DEFAULT_PORT))))
