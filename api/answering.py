"""What every answer says to browsers, whoever made it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOSNIFF = (b"x-content-type-options", b"nosniff")


class AsItSays:
    """A browser takes each answer for what its Content-Type says, never for more."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [each for each in message["headers"] if each[0] != NOSNIFF[0]]
                message["headers"] = [*kept, NOSNIFF]
            await send(message)

        await self._app(scope, receive, told if scope["type"] == "http" else send)
