// Clients that live through restarts of the server.
//   node reconnect.mjs URL 4.8|4.0|3
// The parent owns the server. It reads lines from this script and answers each with a line on stdin:
//   NEED stop   -> stop the server, then answer "stopped"
//   NEED start  -> start it again on the same port, then answer "started"
// In between come "ok: ..." lines, at the end PASS or FAIL as in every script.
import { createInterface } from "node:readline";
import { Inbox, check, loadClient, main, same, sleep, transportsOf, usage, within } from "./lib.mjs";

const [url, clientName] = process.argv.slice(2);
if (!url) usage("usage: node reconnect.mjs URL 4.8|4.0|3");
const { io, version } = loadClient(clientName);

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function need(what, answer) {
  console.log(`NEED ${what}`);
  const { value } = await within(30_000, `the parent's "${answer}"`, answers.next());
  same(value, answer, "the parent's answer");
}

function peer(mode) {
  const socket = io(url, {
    transports: transportsOf(mode),
    forceNew: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
    auth: (give) => give({ mode, connections: ++connections }),
  });
  let connections = 0;
  return { mode, socket, inbox: new Inbox(socket, ["connect", "disconnect", "auth", "message-back"]), ids: [] };
}

const ask = ({ socket, mode }, ...args) =>
  within(5000, `ack (${mode})`, new Promise((resolve) => socket.emit("message-with-ack", ...args, (...answer) => resolve(answer))));

main(120, async () => {
  console.log(`socket.io-client ${version}, reconnection, ${url}`);
  const peers = ["polling", "websocket", "upgrade"].map(peer);
  const each = (body) => Promise.all(peers.map(body));

  const greeted = async (connections) => {
    await each(async (p) => {
      await p.inbox.next("connect", 15_000);
      same(p.ids.includes(p.socket.id), false, `an old socket id (${p.mode})`);
      p.ids.push(p.socket.id);
      same(await p.inbox.next("auth"), [{ mode: p.mode, connections }], `auth (${p.mode})`);
    });
  };

  await check("all three connect", () => greeted(1));
  for (let round = 1; round <= 2; round++) {
    await check(`restart ${round}: the clients see the server go`, async () => {
      await each((p) => ask(p, "before", round));
      await need("stop", "stopped");
      await each(async (p) => {
        const [reason] = await p.inbox.next("disconnect", 15_000);
        const expected = ["transport close", "transport error"];
        if (!expected.includes(reason)) throw new Error(`reason at the client (${p.mode}): ${reason}`);
      });
    });
    await check(`restart ${round}: they come back by themselves, with new ids`, async () => {
      for (const { socket } of peers) {
        socket.emit("message", "offline", round, Buffer.from([round]));
        socket.emit("message", "offline, too");
      }
      await sleep(300);
      await need("start", "started");
      await greeted(round + 1);
    });
    await check(`restart ${round}: what was emitted meanwhile arrives once, in order`, async () => {
      await each(async (p) => {
        same(await p.inbox.next("message-back"), ["offline", round, Buffer.from([round])], `message (${p.mode})`);
        same(await p.inbox.next("message-back"), ["offline, too"], `message (${p.mode})`);
        same(await ask(p, "after", round), ["after", round], `ack (${p.mode})`);
        same(p.inbox.left("message-back"), [], `more messages (${p.mode})`);
      });
    });
  }
  for (const { socket } of peers) socket.disconnect();
});
