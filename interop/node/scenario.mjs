// The whole contract of interop/README.md, played by one of the official clients.
//   node scenario.mjs URL 4.8|4.0|3|2|1 polling|websocket|upgrade|polling-base64|websocket-base64|jsonp [json|msgpack]
import { installDocument } from "./dom.mjs";
import { Inbox, brief, check, loadClient, main, parserOf, relay, same, sleep, optionsOf, turn, usage, within } from "./lib.mjs";

const [url, clientName, mode, parser] = process.argv.slice(2);
if (!url) usage("usage: node scenario.mjs URL CLIENT MODE [PARSER]");
const { io, version, old } = loadClient(clientName);
const options = { ...optionsOf(mode), ...parserOf(parser, { old }) };
const msgpack = parser === "msgpack";
const { transports } = options;
if (mode === "jsonp") installDocument();
// 1.x encodes text twice on long-polling, so that servers since 2.0 see other letters. Most of them come back as they
// went; in JSONP they do not, at no server.
const ascii = clientName === "1" && mode === "jsonp";

// what refuses a namespace is an event of another name in old clients, and has its data or its message alone
const REFUSED = old ? "error" : "connect_error";
const refusal = (error) => (old ? [error] : [error.message, error.data]);
const EVENTS = ["auth", "message-back", "room", "all", "others", "private", "left", "disconnect", REFUSED];
const open = [];

/** A socket of its own connection, not connected yet. */
function client(namespace = "/", { base = url, auth, ...more } = {}) {
  const socket = io(base + namespace, { ...options, forceNew: true, reconnection: false, ...credentials(auth), ...more });
  open.push(socket);
  return { socket, inbox: new Inbox(socket, EVENTS) };
}

/** Old clients have no auth payload, but a query in namespaces other than `/`. */
const credentials = (auth) => (old ? { query: auth && String(new URLSearchParams(auth)) } : { auth });

function connected({ socket, inbox }) {
  if (socket.connected) return Promise.resolve();
  const refused = inbox.next(REFUSED, 8000).then(([error]) => {
    throw new Error(`connection refused: ${brief(refusal(error))}`);
  });
  refused.catch(() => {});
  return within(8000, "event \"connect\"", Promise.race([new Promise((r) => socket.once("connect", r)), refused]));
}

async function connect(namespace, options) {
  const peer = client(namespace, options);
  await connected(peer);
  return peer;
}

/** Emits and waits for the acknowledgement's arguments. */
function ask(socket, event, ...args) {
  return within(5000, `ack of "${event}"`, new Promise((resolve) => {
    socket.emit(event, ...args, (...answer) => resolve(answer));
  }));
}

async function echo({ socket, inbox }, ...args) {
  socket.emit("message", ...args);
  same(await inbox.next("message-back"), args, "message-back");
  same(await ask(socket, "message-with-ack", ...args), args, "ack");
}

/** Everything sent before on this connection has been handled once this comes back. */
const settled = (...peers) => Promise.all(peers.map(({ socket }) => ask(socket, "message-with-ack", "settled")));

function transportOf({ socket }) {
  return socket.io.engine.transport.name;
}

function upgraded({ socket }) {
  const engine = socket.io.engine;
  if (engine.transport.name === "websocket") return Promise.resolve();
  return within(8000, "the upgrade", new Promise((resolve) => engine.once("upgrade", resolve)));
}

const RED = ascii ? "rot" : "rot 🔴";
const AUTH = old ? undefined : { name: "Ada", nested: { list: [1, "zwei", null] } };

main(90, async () => {
  console.log(`socket.io-client ${version}, ${mode}, ${url}`);
  let ada, bob;

  await check("connects, and starts with the right transport", async () => {
    ada = client("/", { auth: AUTH });
    let first;
    ada.socket.io.on("open", () => (first = transportOf(ada)));
    await connected(ada);
    same(first, transports[0], "transport at the opening");
    if (typeof ada.socket.id !== "string" || ada.socket.id.length < 10) throw new Error(`bad id ${ada.socket.id}`);
    if (mode === "upgrade") await upgraded(ada);
    same(transportOf(ada), transports.at(-1), "transport");
    if (old) same(ada.socket.id, ada.socket.io.engine.id, "id of the socket and of its session");
  });

  await check("auth payload reaches the handler, {} when absent", async () => {
    same(await ada.inbox.next("auth"), [AUTH ?? {}], "auth");
    bob = await connect("/");
    same(await bob.inbox.next("auth"), [{}], "auth");
  });

  await check("text of every width", async () => {
    await echo(ada, "plain");
    await echo(ada, "\u0000 \u001e \" \\ \n \\n </script>");
    await echo(ada, "");
    if (ascii) return "ASCII alone";
    await echo(ada, "é ß € 日本語 🦀 \u{1F469}\u200D\u{1F680} \u2028");
    await echo(ada, "🦀".repeat(50_000));
  });

  await check("several arguments of every JSON type, and none", async () => {
    // its encoder sends integers beyond 64 bits as other ones
    const large = msgpack ? 2 ** 63 : 1e21;
    await echo(ada, 1, -2.5, large, true, false, null, "six", [7, [8]], { nine: { ten: [{}] } }, []);
    await echo(ada, { b: 1, a: 2, 10: 3 }, Number.MAX_SAFE_INTEGER);
    await echo(ada, [0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53], [0.1, 1e-300, Number.MAX_VALUE / 3e292]);
    await echo(ada, [-1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, Number.MIN_SAFE_INTEGER]);
    await echo(ada);
  });

  await check("binary anywhere", async () => {
    const bytes = (...list) => Buffer.from(list);
    const large = Buffer.alloc(200_000, "0123456789abcdef");
    await echo(ada, bytes(0, 1, 2, 253, 254, 255));
    await echo(ada, "before", bytes(1), { deep: [{ er: bytes(2, 3) }, null] }, bytes(4), "after");
    await echo(ada, large, { large });
    await echo(ada, Buffer.alloc(0));
    await echo(ada, [bytes(1), bytes(2), bytes(3), bytes(4), bytes(5), bytes(6), bytes(7), bytes(8), bytes(9)]);
    if (msgpack) {
      await echo(ada, Array.from({ length: 40 }, (_, n) => bytes(n)));
      await echo(ada, Buffer.alloc(70_000, 1), "x".repeat(70_000));
    }
  });

  await check("an ack asked for by the server", async () => {
    ada.socket.on("question", (question, ack) => ack({ answer: question }));
    same(await ask(ada.socket, "ask", "how many?"), [{ answer: "how many?" }], "answer");
    same(await ask(ada.socket, "ask", { q: Buffer.from([9, 8]) }), [{ answer: { q: Buffer.from([9, 8]) } }], "answer");
    const many = await Promise.all([1, 2, 3, 4, 5].map((n) => ask(ada.socket, "ask", n)));
    same(many, [1, 2, 3, 4, 5].map((n) => [{ answer: n }]), "answers");
  });

  await check("order of events, text and binary mixed, and of acks", async () => {
    const sent = Array.from({ length: 200 }, (_, n) => (n % 3 === 0 ? [n, Buffer.from([n])] : [n]));
    const acks = [];
    for (const args of sent) {
      ada.socket.emit("message", ...args);
      ada.socket.emit("message-with-ack", ...args, (...answer) => acks.push(answer));
    }
    await settled(ada);
    same(await collect(ada, sent.length), sent, "messages");
    same(acks, sent, "acks");
  });

  await check("everyone, and everyone else", async () => {
    ada.socket.emit("all", { from: "ada", bytes: Buffer.from("hi") });
    for (const peer of [ada, bob]) {
      same(await peer.inbox.next("all"), [{ from: "ada", bytes: Buffer.from("hi") }], "all");
    }
    ada.socket.emit("others", "not me");
    same(await bob.inbox.next("others"), ["not me"], "others");
    await settled(ada, bob);
    same(ada.inbox.left("others"), [], "others at the sender");
  });

  await check("rooms", async () => {
    const eve = await connect("/");
    await ask(ada.socket, "join", "red");
    await ask(bob.socket, "join", "red");
    await ask(bob.socket, "join", RED);
    ada.socket.emit("room", "red", ["to", "red"]);
    same(await bob.inbox.next("room"), [["to", "red"]], "room");
    eve.socket.emit("room", RED, Buffer.from([1]));
    same(await bob.inbox.next("room"), [Buffer.from([1])], "room, from someone outside it");
    await ask(bob.socket, "leave", "red");
    ada.socket.emit("room", "red", "nobody left");
    await settled(ada, bob, eve);
    for (const peer of [ada, bob, eve]) same(peer.inbox.left("room"), [], "room where none is due");
    eve.socket.disconnect();
    await ada.inbox.next("left");
    await bob.inbox.next("left");
  });

  await check("a private message reaches its receiver only", async () => {
    ada.socket.emit("private", bob.socket.id, { secret: Buffer.from([7]) });
    same(await bob.inbox.next("private"), [ada.socket.id, { secret: Buffer.from([7]) }], "private");
    await settled(ada, bob);
    same(ada.inbox.left("private"), [], "private at the sender");
  });

  await check("namespaces on one connection", async () => {
    const home = await connect("/");
    const { id } = home.socket;
    const custom = { socket: home.socket.io.socket("/custom", credentials({ token: "abc" })) };
    custom.inbox = new Inbox(custom.socket, EVENTS);
    open.push(custom.socket);
    await connected(custom);
    same(custom.socket.io === home.socket.io, true, "one manager");
    // 1.x calls all of them by the session's id
    if (clientName !== "1" && custom.socket.id === id) throw new Error("both namespaces have the same socket id");
    if (clientName === "2") same(custom.socket.id, `/custom#${id}`, "id");
    same(await home.inbox.next("auth"), [{}], "auth of /");
    same(await custom.inbox.next("auth"), [{ token: "abc" }], "auth of /custom");
    await echo(custom, "over there", Buffer.from([1, 2]));
    custom.socket.emit("all", "custom only");
    same(await custom.inbox.next("all"), ["custom only"], "all");
    await settled(ada, home);
    same([ada.inbox.left("all"), home.inbox.left("all")], [[], []], "events of another namespace");
    custom.socket.disconnect();
    await echo(home, "still here");
    home.socket.disconnect();
    same(await leaving(ada, id), "client namespace disconnect", "reason");
  });

  await check("an unknown namespace is refused", async () => {
    const { inbox } = client("/nowhere");
    const [error] = await inbox.next(REFUSED, 8000);
    // servers of 2.x say the message alone, and so do we; Node's of today says an object to all
    same(error.message ?? error, "Invalid namespace", "message");
  });

  await check("a refused auth says why, with data", async () => {
    const { inbox } = client("/guarded", { auth: { token: "wrong" } });
    const [error] = await inbox.next(REFUSED, 8000);
    // version 2 of the msgpack parser takes strings alone
    const expected = old ? [msgpack ? "unauthorized" : { code: 401 }] : ["unauthorized", { code: 401 }];
    same(refusal(error), expected, "error");
    await connect("/guarded", { auth: { token: "secret" } });
  });

  await check("the server disconnects a socket", async () => {
    const peer = await connect("/");
    const { id } = peer.socket;
    peer.socket.emit("bye");
    same((await peer.inbox.next("disconnect"))[0], "io server disconnect", "reason at the client");
    same(await leaving(ada, id), "server namespace disconnect", "reason at the others");
  });

  await check("others see a disconnection, with its reason", async () => {
    const polite = await connect("/");
    let { id } = polite.socket;
    polite.socket.disconnect();
    same(await leaving(ada, id), "client namespace disconnect", "reason");
    const abrupt = await connect("/");
    ({ id } = abrupt.socket);
    if (mode === "upgrade") await upgraded(abrupt);
    abrupt.socket.io.engine.close();
    same(await leaving(ada, id), "transport close", "reason");
  });

  if (mode === "upgrade") await check("nothing is lost, doubled or reordered by an upgrade", duringUpgrade);

  await check("nothing more came than was asked for", async () => {
    await settled(ada, bob);
    for (const event of ["message-back", "room", "all", "others", "private", "disconnect", REFUSED]) {
      same([ada.inbox.left(event), bob.inbox.left(event)], [[], []], event);
    }
  });
  for (const socket of open) socket.disconnect();
});

async function collect({ inbox }, count) {
  const all = [];
  while (all.length < count) all.push(await inbox.next("message-back"));
  return all;
}

/** The reason with which `id` left, as `peer` was told; other departures are passed over. */
async function leaving(peer, id) {
  for (;;) {
    const [who, reason] = await peer.inbox.next("left");
    if (who === id) return reason;
  }
}

// A new client sends 500 messages at once when it is connected and 500 more, a few at a time, from the moment at which
// its upgrade begins; another client sends it as many in the same two portions. Both streams are numbered. A slow path to
// the WebSocket stretches the upgrade, so that messages are under way before, during and after it in every run.
async function duringUpgrade() {
  const COUNT = 500;
  const path = await relay(url, { slow: 30 });
  const writer = await connect("/", { transports: ["websocket"] });
  const peer = client("/", { base: path.url });
  const phases = { polling: 0, upgrading: 0, websocket: 0 };
  let phase = "polling";
  const begun = new Promise((resolve) => {
    peer.socket.io.on("open", () => {
      peer.socket.io.engine.once("upgrading", resolve);
      peer.socket.io.engine.once("upgrade", () => (phase = "websocket"));
    });
  }).then(() => (phase = "upgrading"));
  const echoed = [];
  const received = [];
  peer.socket.on("message-back", (n) => (echoed.push(n), phases[phase]++));
  peer.socket.on("private", (from, n) => (received.push(n), phases[phase]++));
  await connected(peer);
  same(phase, "polling", "phase at the connection");

  const { id } = peer.socket;
  let sent = 0;
  const send = (count) => {
    for (let n = 0; n < count; n++, sent++) {
      // every seventh is binary, so that a packet in two parts meets the upgrade as well
      const item = sent % 7 === 0 ? { n: sent, bytes: Buffer.from([sent & 255]) } : sent;
      peer.socket.emit("message", item);
      writer.socket.emit("private", id, item);
    }
  };
  send(COUNT);
  await within(8000, "the beginning of the upgrade", begun);
  while (sent < 2 * COUNT) {
    send(5);
    await sleep(1);
  }
  await upgraded(peer);
  const deadline = Date.now() + 10_000;
  while ((echoed.length < sent || received.length < sent) && Date.now() < deadline) await turn();
  await settled(peer, writer);
  numbered(echoed, sent, "echoes");
  numbered(received, sent, "messages of the other client");
  for (const [name, count] of Object.entries(phases)) {
    if (name !== "upgrading" && count === 0) throw new Error(`nothing arrived in the phase ${name}: ${brief(phases)}`);
  }
  peer.socket.disconnect();
  writer.socket.disconnect();
  path.close();
  return `2 x ${sent} messages; arrived before the upgrade ${phases.polling}, during ${phases.upgrading}, after ${phases.websocket}`;
}

function numbered(list, count, what) {
  const numbers = list.map((item) => (typeof item === "number" ? item : item.bytes?.[0] === (item.n & 255) ? item.n : item));
  const wrong = numbers.findIndex((n, index) => n !== index);
  if (wrong >= 0) throw new Error(`${what}: number ${wrong} is ${brief(numbers.slice(wrong, wrong + 8))}`);
  if (numbers.length !== count) throw new Error(`${what}: ${numbers.length} of ${count} arrived`);
}
