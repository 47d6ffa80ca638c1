"""python-socketio 5 on aiohttp, speaking the contract of interop/README.md. PORT and HOST say where."""

import asyncio
import os
import signal
import sys
import threading

import engineio
import socketio
from aiohttp import web

# The default of 16 refuses what any client may send in one POST that has kept more to say.
engineio.payload.Payload.max_decode_packets = 100_000

# None of the connection's own packets differ from Node's; reasons have other words.
REASONS = {
    "client disconnect": "client namespace disconnect",
    "server disconnect": "server namespace disconnect",
}

sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")
notes = []


class Whole:
    """A body that is read to its end. On aiohttp, python-engineio takes for the body what has arrived so far, and answers
    `ok` when the rest is missing."""

    def __init__(self, request):
        self.request = request

    async def read(self, length):
        return await self.request.read()


def translate_request(request, translate=sio.eio._async["translate_request"]):
    return {**translate(request), "wsgi.input": Whole(request)}


sio.eio._async = {**sio.eio._async, "translate_request": translate_request}


def contract(namespace):
    def on(event):
        return sio.on(event, namespace=namespace)

    async def emit(event, *args, **where):
        await sio.emit(event, args, namespace=namespace, **where)

    @on("connect")
    async def connect(sid, environ, auth):
        # goes out ahead of the answer to the CONNECT packet, as everything that is emitted here
        await emit("auth", auth or {}, to=sid)

    @on("message")
    async def message(sid, *args):
        await emit("message-back", *args, to=sid)

    @on("message-with-ack")
    async def message_with_ack(sid, *args):
        return args

    @on("join")
    async def join(sid, room):
        await sio.enter_room(sid, room, namespace=namespace)

    @on("leave")
    async def leave(sid, room):
        await sio.leave_room(sid, room, namespace=namespace)

    @on("room")
    async def room(sid, name, payload):
        await emit("room", payload, room=name, skip_sid=sid)

    @on("all")
    async def everyone(sid, payload):
        await emit("all", payload)

    @on("others")
    async def others(sid, payload):
        await emit("others", payload, skip_sid=sid)

    @on("private")
    async def private(sid, to, payload):
        await emit("private", sid, payload, to=to)

    @on("ask")
    async def ask(sid, question):
        return await sio.call("question", question, to=sid, namespace=namespace, timeout=10)

    @on("bye")
    async def bye(sid, *args):
        await sio.disconnect(sid, namespace=namespace)

    @on("bye-all")
    async def bye_all(sid, *args):
        await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, namespace))

    @on("count")
    async def count(sid, amount):
        for n in range(amount):
            await emit("counted", n, to=sid)

    @on("note")
    async def note(sid, n):
        notes.append(n)
        return n

    @on("notes")
    async def tell_notes(sid):
        # a list in a tuple: one argument
        return (notes,)

    if namespace == "/":

        @on("disconnect")
        async def disconnect(sid, reason):
            await emit("left", sid, REASONS.get(reason, reason), skip_sid=sid)


for name in ("/", "/custom"):
    contract(name)


@sio.on("connect", namespace="/guarded")
async def guarded(sid, environ, auth):
    if (auth or {}).get("token") != "secret":
        raise socketio.exceptions.ConnectionRefusedError("unauthorized", {"code": 401})


def end_with_parent():
    """Ends this process when the parent that holds its stdin is gone, if the parent asked for that."""

    def wait():
        sys.stdin.read()
        os._exit(1)

    if os.environ.get("ENDS_WITH_STDIN"):
        threading.Thread(target=wait, daemon=True).start()


async def main():
    app = web.Application(client_max_size=10_000_000)
    sio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000"))
    await web.TCPSite(runner, host, port).start()
    print(f"READY {host}:{runner.addresses[0][1]}", flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    # whoever is connected loses the transport
    os._exit(0)


end_with_parent()
asyncio.run(main())
