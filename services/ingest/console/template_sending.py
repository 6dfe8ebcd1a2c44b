"""A test of a template: what stands in its form, sent to one address."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.filling import with_template
from services.ingest.acceptance.gates import require_sending
from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.storing import Call
from services.ingest.api.emails import render
from services.ingest.api.messages import SCOPE as HISTORY
from services.ingest.api.templates import FEATURE, SCOPE
from services.ingest.console.message import SEND
from services.ingest.console.messages import PATH as MESSAGES
from services.ingest.console.template_editor import TemplateEditor
from services.ingest.console.template_form import data_of, draft_of, given_by
from services.ingest.console.template_list import PATH
from services.ingest.faults import Faults
from services.ingest.settings import Settings
from shared.console.console import Console
from shared.console.forms import read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError, answered_within

TAG = "template-test"


def template_sending(console: Console, editor: TemplateEditor, admission: Admission, settings: Settings) -> APIRouter:
    """To be added before the pages of one template, whose paths begin alike."""
    router = console.router()

    @router.post(f"{PATH}/test")
    async def send(request: Request, visitor: Visitor = console.gate.action(SCOPE)) -> Response:
        """The draft, whether it is kept or not; leads to the message, where it can be followed."""
        principal = visitor.principal
        principal.require_feature(FEATURE)
        principal.require_scope(SEND)
        given, id_ = await given_by(request), (await read_form(request, "id"))["id"]
        faults = Faults()
        try:
            require_sending(principal)
            to = [given["to"]] if given["to"] else None
            asked = SendRequest(to=to, data=data_of(given["data"], faults), tags=[TAG])
            wanted = with_template(asked, draft_of(given), principal.workspace.default_sender)
            call = Call(principal, "console", request.state.trace, None)
            async with answered_within(settings.answer_seconds):
                admitted = await admission.admit(call, wanted, faults, render)
        except ProblemError as problem:
            template = await editor.found(visitor, id_) if id_ else None
            return await editor.show(request, visitor, template, refused(given, problem))
        (message,) = orjson.loads(admitted.reply)["data"]["messages"]
        here = f"{PATH}/{id_}" if id_ else PATH
        url = f"{MESSAGES}/{message['uuid']}" if visitor.may(HISTORY) else here
        return console.pages.go(url, f"A test is on its way to {given['to']}.")

    return router
