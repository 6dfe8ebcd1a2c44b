"""What FastAPI costs alone: a route that answers what `POST /v1/emails` answers, without having read the request.

`python -m tests.bench.constant PORT`
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

MESSAGE = {
    "uuid": "01a1fae2-1056-7be1-8745-a5f7c3c26574",
    "recipient": "customer@example.test",
    "type": "to",
    "from": "no-reply@acme.example",
    "status": "pending",
}
app = FastAPI(openapi_url=None)


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/v1/emails", status_code=202)
async def constant() -> dict[str, object]:
    return {"data": {"accepted": True, "message_count": 1, "messages": [MESSAGE]}}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_config=None, access_log=False)
