// The applications of frameworks/, from outside: their own routes, and the clients who hear of what these did.
//   node orders.mjs URL polling|websocket|upgrade
// At the end it prints `NEED stop` and waits until its client has lost the server, and for a line on its stdin.
import net from "node:net";
import { createInterface } from "node:readline";
import { Inbox, check, loadClient, main, relay, same, sleep, transportsOf, usage, within } from "./lib.mjs";

const [url, mode] = process.argv.slice(2);
if (!url) usage("usage: node orders.mjs URL polling|websocket|upgrade");
const { io, version } = loadClient("4.8");
const transports = transportsOf(mode);

async function connect(base = url) {
  const socket = io(base, { transports, forceNew: true, reconnection: false });
  const peer = { socket };
  socket.io.on("open", () => (peer.first = socket.io.engine.transport.name));
  peer.inbox = new Inbox(socket, ["order", "left", "disconnect"]);
  const refused = new Promise((_, reject) => socket.once("connect_error", reject));
  const connected = new Promise((resolve) => socket.once("connect", resolve));
  await within(8000, "the connection", Promise.race([connected, refused]));
  peer.engine = socket.io.engine;
  return peer;
}

const ask = ({ socket }, ...args) => socket.timeout(8000).emitWithAck(...args);

function upgraded({ engine }) {
  if (engine.transport.name === "websocket") return Promise.resolve();
  return within(8000, "the upgrade", new Promise((resolve) => engine.once("upgrade", resolve)));
}

async function http(method, path, body, headers = {}) {
  const answer = await fetch(url + path, { method, body, headers, signal: AbortSignal.timeout(8000) });
  return { status: answer.status, text: await answer.text() };
}

/** What the server says to the beginning of a POST; rocket does not look at one before its first bytes are there. */
function announce(path, length) {
  const { hostname, port, host } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n4${"x".repeat(99)}`);
  const answer = new Promise((resolve, reject) => {
    let head = "";
    socket.on("error", reject).on("data", (piece) => {
      head += piece.toString("latin1");
      if (head.length >= 12) resolve(head.slice(0, 12));
    });
  });
  return within(8000, "an answer", answer).finally(() => socket.destroy());
}

const order = (customer, item) =>
  http("POST", "/orders", JSON.stringify({ customer, item }), { "content-type": "application/json" });

main(50, async () => {
  console.log(`socket.io-client ${version}, ${mode}, ${url}`);
  let ada;

  await check("routes of the application", async () => {
    same(await http("GET", "/health"), { status: 200, text: "fine" }, "GET /health");
    for (const path of ["/nothing", "/socket.io-not", "/socket.io/below"]) {
      same((await http("GET", path)).status, 404, `GET ${path}`);
    }
  });

  await check("the endpoint answers itself, with and without slash", async () => {
    for (const path of ["/socket.io/", "/socket.io"]) {
      const opened = await http("GET", `${path}?EIO=4&transport=polling`);
      same([opened.status, opened.text.slice(0, 8)], [200, '0{"sid":'], path);
      const unknown = await http("GET", `${path}?EIO=4&transport=polling&sid=nobody`);
      same(unknown, { status: 400, text: '{"code":1,"message":"Session ID unknown"}' }, path);
      const { sid } = JSON.parse(opened.text.slice(1));
      const large = await announce(`${path}?EIO=4&transport=polling&sid=${sid}`, 1_000_001);
      same(large, "HTTP/1.1 413", "a body over the limit");
    }
  });

  await check("the client's files are below the endpoint", async () => {
    const file = await http("GET", "/socket.io/socket.io.min.js");
    same([file.status, file.text.includes("Socket.IO")], [200, true], "socket.io.min.js");
  });

  await check("connects", async () => {
    // a slow path to the WebSocket stretches the upgrade
    const path = mode === "upgrade" ? await relay(url, { slow: 20 }) : { url };
    ada = await connect(path.url);
    same(ada.first, transports[0], "first transport");
  });

  await check("nothing is lost or reordered, whatever the transport", async () => {
    const answers = [];
    const came = { polling: 0, websocket: 0 };
    let sent = 0;
    const send = () => {
      const n = sent++;
      // every seventh is binary: a packet in two parts
      ada.socket.emit("echo", n, n % 7 ? "text" : Buffer.from([n & 255]), (answer) => {
        answers.push(answer);
        came[ada.engine.transport.name]++;
      });
    };
    const deadline = Date.now() + 8000;
    while (sent < 500 || (came[transports.at(-1)] < 100 && Date.now() < deadline)) {
      send();
      if (sent % 5 === 0) await sleep(1);
    }
    await ask(ada, "echo", "the last");
    same(answers, Array.from({ length: sent }, (_, n) => n), "answers");
    for (const name of transports) same(came[name] > 0, true, `${came[name]} answers over ${name}`);
    same(ada.engine.transport.name, transports.at(-1), "transport");
    return JSON.stringify(came);
  });

  await check("ack, text, binary, large", async () => {
    same(await ask(ada, "echo", "é 日本語 🦀"), "é 日本語 🦀", "text");
    const bytes = Buffer.alloc(600_000, "0123456789abcdef\u0000");
    same(await ask(ada, "echo", { deep: [bytes] }), { deep: [bytes] }, "bytes");
    same(await ask(ada, "echo", "x".repeat(900_000)), "x".repeat(900_000), "text");
  });

  await check("the address of the peer is known", async () => {
    const peer = await ask(ada, "peer");
    same(/^127\.0\.0\.1:\d+$/.test(peer), true, `peer ${peer}`);
  });

  await check("an order is heard of by those who watch its customer", async () => {
    same(await ask(ada, "watch", "ada"), true, "watch");
    const others = await order("bob", "tea");
    same([others.status, JSON.parse(others.text)], [201, { id: 1, customer: "bob", item: "tea" }], "of somebody else");
    same((await order("ada", "")).status, 422, "refused");
    const placed = await order("ada", "coffee");
    const written = { id: 2, customer: "ada", item: "coffee" };
    same([placed.status, JSON.parse(placed.text)], [201, written], "placed");
    same(await ada.inbox.next("order"), [written], "order");
  });

  await check("a client that leaves is noticed", async () => {
    for (const [leave, reason] of [
      [({ socket }) => socket.disconnect(), "client namespace disconnect"],
      [({ engine }) => engine.close(), "transport close"],
    ]) {
      const bob = await connect();
      if (mode === "upgrade") await upgraded(bob);
      const { id } = bob.socket;
      leave(bob);
      same(await ada.inbox.next("left"), [id, reason], "left");
    }
    await ask(ada, "echo", "still here");
    same([ada.inbox.left("order"), ada.inbox.left("disconnect")], [[], []], "what was not asked for");
  });

  await check("a stop of the server is noticed", async () => {
    const stopped = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    console.log("NEED stop");
    await ada.inbox.next("disconnect", 10_000);
    same((await stopped.next()).value, "stopped", "the parent");
  });
});
