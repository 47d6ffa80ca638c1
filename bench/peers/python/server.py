"""python-socketio on aiohttp and uvloop with the events of the benchmark."""

import asyncio
import os
import sys

import socketio
import uvloop
from aiohttp import web

sio = socketio.AsyncServer(
    async_mode="aiohttp", http_compression=False, cors_allowed_origins="*", max_http_buffer_size=10**6
)
app = web.Application()
sio.attach(app)


@sio.event
async def echo(sid, x):
    return x


@sio.event
async def join(sid, room):
    await sio.enter_room(sid, room)
    return True


@sio.event
async def cast(sid, x):
    await sio.emit("cast", x)


@sio.event
async def room(sid, name, x):
    await sio.emit("cast", x, room=name)


async def serve():
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", int(os.environ.get("PORT", "3000")), backlog=1024)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"READY {host}:{port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(uvloop.run(serve()))
