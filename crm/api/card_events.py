"""POST /webhooks/stripe: check the signature, keep the event, answer. A worker reads the object and books it."""

from litestar import Request, Response, post
from litestar.di import NamedDependency

from crm.actions import card_events
from crm.actions.cards import Accounts
from crm.api.problems import EdgeError, problem
from crm.context import Context


@post("/webhooks/stripe", status_code=200, opt={"public": True}, include_in_schema=False)
async def receive_event(
    request: Request, context: NamedDependency[Context], cards: NamedDependency[Accounts]
) -> Response[bytes]:
    """200 for what is kept, and for what was kept before; 400 for what the provider did not sign."""
    signature = request.headers.get("stripe-signature", "")
    if await card_events.receive(context, cards, await request.body(), signature) == "unsigned":
        return problem(request, EdgeError(400, "stripe-signature", "signature_wrong"), "")
    return Response(b"{}", media_type="application/json")


handlers = [receive_event]
