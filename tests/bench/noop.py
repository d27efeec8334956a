"""A FastAPI application that reads a body and does nothing: the floor of the edge."""

import asyncio
import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from uvicorn.loops.auto import auto_loop_factory


class Wish(BaseModel):
    name: str


app = FastAPI()


@app.post("/noop", status_code=202)
async def noop(wish: Wish) -> dict[str, str]:
    return {"name": wish.name}


def main() -> None:
    config = uvicorn.Config(
        app, port=int(sys.argv[1]), access_log=False, log_level="error"
    )
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
