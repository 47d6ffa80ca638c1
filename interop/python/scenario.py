"""The whole contract of interop/README.md, played by python-socketio's asynchronous client, 5 or 4.

    python scenario.py URL polling|websocket|upgrade
"""

import asyncio
import os
import sys
from collections import defaultdict
from importlib.metadata import version
from urllib.parse import urlencode

import engineio
import socketio

# The default of 16 breaks this client against every server that answers a poll with all it has (Node's does).
engineio.payload.Payload.max_decode_packets = 10_000

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
EVENTS = ["auth", "message-back", "room", "all", "others", "private", "left", "disconnect", "connect_error"]
TIMEOUT = 5
VERSION = version("python-socketio")
# Engine.IO 3: no auth payload but a query behind the name of a namespace other than "/", and ids made of the session's
OLD = VERSION.startswith("4.")

if len(sys.argv) != 3 or sys.argv[2] not in TRANSPORTS:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
URL, MODE = sys.argv[1:]
# It counts characters of text payloads where JavaScript counts UTF-16 units.
FIRST_PLANE = OLD and MODE == "polling"
RED = "rot" if FIRST_PLANE else "rot 🔴"
AUTH = None if OLD else {"name": "Ada", "nested": {"list": [1, "zwei", None]}}

running = "start"
peers = []


class Wrong(Exception):
    """A check that did not hold."""


def fail(text):
    print(f"FAIL: {running}: {text}", flush=True)
    os._exit(1)


def same(actual, expected, what):
    if actual != expected or repr(type(actual)) != repr(type(expected)):
        raise Wrong(f"{what}: expected {expected!r:.500}, got {actual!r:.500}")


async def within(awaitable, what):
    try:
        return await asyncio.wait_for(awaitable, TIMEOUT)
    except asyncio.TimeoutError:
        raise Wrong(f"{what} did not come within {TIMEOUT} s") from None


class Peer:
    """A client with a queue per namespace and event, so that nothing that came early or twice is missed."""

    def __init__(self, namespaces=("/",)):
        self.sio = socketio.AsyncClient(reconnection=False)
        self.queues = defaultdict(asyncio.Queue)
        for namespace in namespaces:
            for event in EVENTS:
                self.sio.on(event, self.collector(namespace, event), namespace=namespace)
        peers.append(self)

    def collector(self, namespace, event):
        async def collect(*args):
            self.queues[namespace, event].put_nowait(list(args))

        return collect

    async def connect(self, namespaces=("/",), auth=None):
        if not OLD:
            await self.sio.connect(URL, transports=TRANSPORTS[MODE], namespaces=list(namespaces), auth=auth, wait_timeout=8)
            return self
        # it reports the opening of the session alone
        joined = {namespace: asyncio.Event() for namespace in namespaces}
        for namespace, event in joined.items():
            self.sio.on("connect", event.set, namespace=namespace)
        query = f"?{urlencode(auth)}" if auth else ""
        named = [namespace + query for namespace in namespaces if namespace != "/"]
        await self.sio.connect(URL, transports=TRANSPORTS[MODE], namespaces=named)
        for event in joined.values():
            await within(event.wait(), "event \"connect\"")
        return self

    def id(self, namespace="/"):
        if OLD:
            return self.sio.sid if namespace == "/" else f"{namespace}#{self.sio.sid}"
        return self.sio.get_sid(namespace)

    async def emit(self, event, *args, namespace="/"):
        await self.sio.emit(event, args, namespace=namespace)

    async def ask(self, event, *args, namespace="/"):
        """Emits, and gives the acknowledgement's arguments as a list."""
        answer = asyncio.get_running_loop().create_future()

        def acknowledged(*values):
            answer.set_result(list(values))

        await self.sio.emit(event, args, namespace=namespace, callback=acknowledged)
        return await within(answer, f'ack of "{event}"')

    async def next(self, event, namespace="/"):
        return await within(self.queues[namespace, event].get(), f'event "{event}"')

    async def none(self, event, namespace="/"):
        """Nothing of this event has come, and nothing sent before is still on its way."""
        same(await self.ask("message-with-ack", "settled"), ["settled"], "ack")
        if not self.queues[namespace, event].empty():
            raise Wrong(f'unexpected event "{event}": {self.queues[namespace, event].get_nowait()!r:.300}')

    async def leaving(self, who):
        while True:
            left, reason = await self.next("left")
            if left == who:
                return reason


async def echo(peer, *args, namespace="/"):
    await peer.emit("message", *args, namespace=namespace)
    same(await peer.next("message-back", namespace), list(args), "message-back")
    same(await peer.ask("message-with-ack", *args, namespace=namespace), list(args), "ack")


async def connects(s):
    s.ada = await Peer().connect(auth=AUTH)
    expected = TRANSPORTS[MODE][-1]
    same(s.ada.sio.transport(), expected, "transport")


async def auth(s):
    same(await s.ada.next("auth"), [AUTH or {}], "auth")
    s.bob = await Peer().connect()
    same(await s.bob.next("auth"), [{}], "auth")


async def text(s):
    await echo(s.ada, "plain")
    await echo(s.ada, "é ß € 日本語 \x00 \x1e \u2028 \" \\ \n")
    await echo(s.ada, "")
    if not FIRST_PLANE:
        await echo(s.ada, "🦀 👩\u200d🚀")
        await echo(s.ada, "🦀" * 50_000)


async def arguments(s):
    await echo(s.ada, 1, -2.5, True, False, None, "six", [7, [8]], {"nine": {"ten": [{}]}}, [])
    await echo(s.ada, 2**53 - 1, {"b": 1, "a": 2})
    await echo(s.ada)


async def binary(s):
    large = b"0123456789abcdef" * 12_500
    await echo(s.ada, bytes([0, 1, 2, 253, 254, 255]))
    await echo(s.ada, "before", b"\x01", {"deep": [{"er": b"\x02\x03"}, None]}, b"\x04", "after")
    await echo(s.ada, large, {"large": large})
    # the old one reads an attachment without bytes as None
    if not OLD:
        await echo(s.ada, b"")
    await echo(s.ada, [bytes([n]) for n in range(9)])


async def asked(s):
    def question(value):
        return {"answer": value}

    s.ada.sio.on("question", question)
    same(await s.ada.ask("ask", "how many?"), [{"answer": "how many?"}], "answer")
    same(await s.ada.ask("ask", {"q": b"\x09"}), [{"answer": {"q": b"\x09"}}], "answer")
    many = await asyncio.gather(*(s.ada.ask("ask", n) for n in range(5)))
    same(many, [[{"answer": n}] for n in range(5)], "answers")


async def order(s):
    sent = [[n, bytes([n])] if n % 3 == 0 else [n] for n in range(200)]
    acks = []
    for args in sent:
        await s.ada.emit("message", *args)
        await s.ada.sio.emit("message-with-ack", tuple(args), callback=lambda *values: acks.append(list(values)))
    await s.ada.ask("message-with-ack", "settled")
    same([await s.ada.next("message-back") for _ in sent], sent, "messages")
    same(acks, sent, "acks")


async def everyone(s):
    await s.ada.emit("all", {"from": "ada", "bytes": b"hi"})
    for peer in (s.ada, s.bob):
        same(await peer.next("all"), [{"from": "ada", "bytes": b"hi"}], "all")
    await s.ada.emit("others", "not me")
    same(await s.bob.next("others"), ["not me"], "others")
    await s.ada.none("others")


async def rooms(s):
    eve = await Peer().connect()
    await s.ada.ask("join", "red")
    await s.bob.ask("join", "red")
    await s.bob.ask("join", RED)
    await s.ada.emit("room", "red", ["to", "red"])
    same(await s.bob.next("room"), [["to", "red"]], "room")
    await eve.emit("room", RED, b"\x01")
    same(await s.bob.next("room"), [b"\x01"], "room, from someone outside it")
    await s.bob.ask("leave", "red")
    await s.ada.emit("room", "red", "nobody left")
    for peer in (s.ada, s.bob, eve):
        await peer.none("room")
    await eve.sio.disconnect()


async def private(s):
    await s.ada.emit("private", s.bob.id(), {"secret": b"\x07"})
    same(await s.bob.next("private"), [s.ada.id(), {"secret": b"\x07"}], "private")
    await s.ada.none("private")


async def namespaces(s):
    both = await Peer(("/", "/custom")).connect(("/", "/custom"), auth={"token": "abc"})
    if both.id() == both.id("/custom"):
        raise Wrong("both namespaces have the same socket id")
    same(await both.next("auth"), [{} if OLD else {"token": "abc"}], "auth of /")
    same(await both.next("auth", "/custom"), [{"token": "abc"}], "auth of /custom")
    await echo(both, "over there", b"\x01\x02", namespace="/custom")
    await both.emit("all", "custom only", namespace="/custom")
    same(await both.next("all", "/custom"), ["custom only"], "all")
    await s.ada.none("all")
    await both.none("all")
    await both.sio.disconnect()


async def refused(namespace, auth=None):
    peer = Peer((namespace,))
    connecting = asyncio.ensure_future(peer.connect((namespace,), auth=auth))
    error = asyncio.ensure_future(peer.next("connect_error", namespace))
    await asyncio.wait({connecting, error}, return_when=asyncio.FIRST_COMPLETED)
    if connecting.done() and connecting.exception() is None:
        raise Wrong("the connection was accepted")
    [answer] = await error
    # after a refusal over polling this client may wait for the poll to end, which is the server's next ping
    connecting.cancel()
    return answer


async def unknown(s):
    error = await refused("/nowhere")
    # servers of 2.x say the message alone, and so do we; Node's of today says an object to all
    if OLD and error == "Invalid namespace":
        return
    same(error, {"message": "Invalid namespace"}, "error")


async def guarded(s):
    expected = {"code": 401} if OLD else {"message": "unauthorized", "data": {"code": 401}}
    same(await refused("/guarded", {"token": "wrong"}), expected, "error")
    await Peer(("/guarded",)).connect(("/guarded",), auth={"token": "secret"})


async def bye(s):
    peer = await Peer().connect()
    who = peer.id()
    await peer.emit("bye")
    await peer.next("disconnect")
    same(await s.ada.leaving(who), "server namespace disconnect", "reason at the others")


async def left(s):
    polite = await Peer().connect()
    who = polite.id()
    if OLD and MODE == "polling":
        # its own ways to leave do not get the goodbye out over polling, at no server
        await polite.sio._send_packet(socketio.packet.Packet(socketio.packet.DISCONNECT))
        same(await s.ada.leaving(who), "client namespace disconnect", "reason")
        return
    await polite.sio.disconnect()
    # this client may close the transport before its own DISCONNECT packet has left
    reason = await s.ada.leaving(who)
    if reason not in ("client namespace disconnect", "transport close"):
        raise Wrong(f"reason: {reason}")
    abrupt = await Peer().connect()
    who = abrupt.id()
    await abrupt.sio.eio.disconnect(abort=False)
    same(await s.ada.leaving(who), "transport close", "reason")


async def stream(s):
    """This client upgrades before it reports the connection; so both streams start right behind the upgrade."""
    writer = await Peer().connect()
    peer = await Peer().connect()
    who, count = peer.id(), 500

    async def write():
        for n in range(count):
            await peer.emit("message", n)
            await writer.emit("private", who, n)

    await write()
    same([await peer.next("message-back") for _ in range(count)], [[n] for n in range(count)], "echoes")
    same([await peer.next("private") for _ in range(count)], [[writer.id(), n] for n in range(count)], "messages of the other")


async def nothing_more(s):
    for event in ("message-back", "room", "all", "others", "private", "disconnect", "connect_error"):
        await s.ada.none(event)
        await s.bob.none(event)


CHECKS = [
    ("connects with the right transport", connects),
    ("auth payload reaches the handler, {} when absent", auth),
    ("text of every width", text),
    ("several arguments of every JSON type, and none", arguments),
    ("binary anywhere", binary),
    ("an ack asked for by the server", asked),
    ("order of events, text and binary mixed, and of acks", order),
    ("everyone, and everyone else", everyone),
    ("rooms", rooms),
    ("a private message reaches its receiver only", private),
    ("namespaces on one connection", namespaces),
    ("an unknown namespace is refused", unknown),
    ("a refused auth says why, with data", guarded),
    ("the server disconnects a socket", bye),
    ("others see a disconnection, with its reason", left),
    ("500 numbered messages both ways", stream),
    ("nothing more came than was asked for", nothing_more),
]


class State:
    """The two clients that most checks share."""


async def main():
    global running
    print(f"python-socketio {VERSION}, {MODE}, {URL}", flush=True)
    state = State()
    for running, body in CHECKS:
        try:
            await asyncio.wait_for(body(state), 30)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check is its failure
            fail(f"{type(error).__name__}: {error}" if not isinstance(error, Wrong) else str(error))
        print(f"ok: {running}", flush=True)
    print("PASS", flush=True)
    os._exit(0)


asyncio.run(main())
