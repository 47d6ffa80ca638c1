// A client whose connection is cut again and again, with connection state recovery.
//   node recovery.mjs URL polling|websocket|upgrade CUTS SEED
// The server sends `tick` with 1, 2, 3, … to everybody, and for each client `own` with 1, 2, 3, … to its socket id, all
// the time, whether it is connected or not. The ledger: after a recovery the next number follows the last one; without
// one it is larger. Nothing comes twice, nothing out of order, nothing is missing while `recovered` says so.
import { check, loadClient, main, relay, same, sleep, transportsOf, usage, within } from "./lib.mjs";

const [url, mode, cuts, seed] = process.argv.slice(2);
if (!seed) usage("usage: node recovery.mjs URL polling|websocket|upgrade CUTS SEED");
const { io, version } = loadClient("4.8");

// mulberry32
let state = Number(seed);
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const KINDS = ["engine", "break", "abandon"];

main(240, async () => {
  console.log(`socket.io-client ${version}, recovery over ${mode}, ${cuts} cuts, seed ${seed}`);
  const way = await relay(url);
  const socket = io(way.url, {
    transports: transportsOf(mode),
    reconnectionDelay: 5,
    reconnectionDelayMax: 40,
  });
  const last = { tick: 0, own: 0 };
  let [received, recovered, fresh] = [0, 0, 0];
  let id;
  let whole = true;
  for (const name of ["tick", "own"]) {
    socket.on(name, (n) => {
      received += 1;
      if (n <= last[name]) throw new Error(`${name} ${n} after ${last[name]}: twice, or out of order`);
      // the first of a session may start anywhere
      if (last[name] > 0 && n !== last[name] + 1 && whole) {
        throw new Error(`${name} ${n} after ${last[name]}: a hole, and recovered was true`);
      }
      last[name] = n;
      behind.delete(name);
      if (behind.size === 0) whole = true;
    });
  }
  // which rows have not gone on since a session began anew
  const behind = new Set();
  socket.on("connect", () => {
    if (socket.recovered) {
      recovered += 1;
      same(socket.id, id, "the id of a recovered socket");
    } else {
      fresh += 1;
      // what was buffered before this session comes first, and is checked as it comes
      whole = false;
      behind.add("tick").add("own");
      last.own = 0;
    }
    id = socket.id;
  });
  const connected = () =>
    socket.connected ? undefined : within(20_000, "a connection", new Promise((resolve) => socket.once("connect", resolve)));

  await check("it connects", connected);
  await check(`${cuts} cuts`, async () => {
    for (let cut = 0; cut < Number(cuts); cut++) {
      await sleep(random() * 40);
      const kind = KINDS[Math.floor(random() * KINDS.length)];
      // closed in the middle of an upgrade, this client keeps what its last poll brought for later, and yet asks for it again
      if (kind === "engine") while (socket.io.engine.upgrading) await sleep(1);
      const gone = socket.connected && new Promise((resolve) => socket.once("disconnect", resolve));
      if (kind === "engine") socket.io.engine.close();
      else if (kind === "break") way.cut();
      else way.abandon();
      if (gone) await within(20_000, "a disconnect", gone);
      await sleep(random() * 60);
      way.mend();
      await connected();
    }
    // of the last session, too, something must come
    const before = received;
    for (let i = 0; i < 200 && received < before + 10; i++) await sleep(20);
    if (received < before + 10) throw new Error("nothing comes any more");
    if (recovered < Number(cuts) * 0.9) throw new Error(`only ${recovered} of ${cuts} recoveries`);
    return `${recovered} recovered, ${fresh} new sessions, ${received} events`;
  });
  socket.disconnect();
  way.close();
});
