// What the scripts share: the pinned clients, checks that print themselves, and a bound on the time.
import { isDeepStrictEqual, inspect } from "node:util";
import { createRequire } from "node:module";
import net from "node:net";

const require = createRequire(import.meta.url);
const PACKAGES = {
  "4.8": "socket.io-client",
  "4.0": "socket.io-client-4.0",
  3: "socket.io-client-3",
  2: "socket.io-client-2",
  1: "socket.io-client-1",
};
const MODES = {
  polling: { transports: ["polling"] },
  "polling-base64": { transports: ["polling"], forceBase64: true },
  jsonp: { transports: ["polling"], forceJSONP: true },
  websocket: { transports: ["websocket"] },
  "websocket-base64": { transports: ["websocket"], forceBase64: true },
  upgrade: { transports: ["polling", "websocket"] },
};

/** One of the pinned clients: its `io` function, its exact version, and whether it is of the time before 3.0. */
export function loadClient(name) {
  const wanted = PACKAGES[name] ?? usage(`client must be one of ${Object.keys(PACKAGES).join(", ")}, not ${name}`);
  const client = require(wanted);
  const { version } = require(`${wanted}/package.json`);
  return { io: client.io ?? client, version, old: Number(version.split(".")[0]) < 3 };
}

/** The option `parser` of servers and clients: `msgpack` has a package for each revision, `json` needs none. */
export function parserOf(name, { old = false } = {}) {
  if (name === undefined || name === "json") return {};
  if (name !== "msgpack") usage(`parser must be json or msgpack, not ${name}`);
  return { parser: require(old ? "socket.io-msgpack-parser-2" : "socket.io-msgpack-parser") };
}

/** The client's options for one of these ways. */
export function optionsOf(mode) {
  return MODES[mode] ?? usage(`transport must be one of ${Object.keys(MODES).join(", ")}, not ${mode}`);
}

/** The client option `transports` for one of these ways. */
export const transportsOf = (mode) => optionsOf(mode).transports;

export function usage(text) {
  console.error(text);
  process.exit(2);
}

let running = "start";

/** Names the check that runs from here on; a failure is reported under this name. */
export async function check(name, body) {
  running = name;
  const detail = await body();
  console.log(detail ? `ok: ${name} (${detail})` : `ok: ${name}`);
}

export function fail(text) {
  console.log(`FAIL: ${running}: ${text}`);
  process.exit(1);
}

export function same(actual, expected, what) {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: expected ${brief(expected)}, got ${brief(actual)}`);
  }
}

export function brief(value) {
  const text = inspect(value, { depth: 6, breakLength: Infinity, maxArrayLength: 20, maxStringLength: 200 });
  return text.length > 600 ? `${text.slice(0, 600)}...` : text;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The promise's value, or an error that says what did not come in time. */
export function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Ends this process when the parent that holds its stdin is gone, if the parent asked for that. */
export function endWithParent() {
  if (process.env.ENDS_WITH_STDIN) process.stdin.resume().on("end", () => process.exit(1));
}

/** Runs the script's body; ends the process with 0 or with one FAIL line, and never later than `seconds`. */
export async function main(seconds, body) {
  endWithParent();
  process.on("unhandledRejection", (reason) => fail(reason?.stack ?? brief(reason)));
  process.on("uncaughtException", (error) => fail(error.stack));
  setTimeout(() => fail(`not done after ${seconds} s`), seconds * 1000).unref();
  try {
    await body();
  } catch (error) {
    fail(error.message);
  }
  console.log("PASS");
  process.exit(0);
}

/** A queue per event of a socket, so that nothing that came early or twice is missed. */
export class Inbox {
  #queues = new Map();

  constructor(socket, events) {
    for (const event of events) {
      const queue = { items: [], waiting: [] };
      this.#queues.set(event, queue);
      socket.on(event, (...args) => {
        const next = queue.waiting.shift();
        if (next) next(args);
        else queue.items.push(args);
      });
    }
  }

  /** The arguments of the next such event, also when it came already. */
  next(event, ms = 5000) {
    const queue = this.#queues.get(event);
    if (queue.items.length > 0) return Promise.resolve(queue.items.shift());
    return within(ms, `event "${event}"`, new Promise((resolve) => queue.waiting.push(resolve)));
  }

  /** What came of this event and was not asked for. */
  left(event) {
    return this.#queues.get(event).items;
  }
}

/**
 * A way to the server that can be slow and can be cut: every piece of a WebSocket connection takes `slow` milliseconds
 * longer, both ways, which stretches an upgrade; `cut` breaks all connections and takes no new ones until `mend`;
 * `abandon` does so on this side only: the server is not told.
 */
export async function relay(url, { slow = 0 } = {}) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  const orphans = new Set();
  let whole = true;
  const server = net.createServer((near) => {
    if (!whole) return near.destroy();
    const far = net.connect(Number(port), hostname);
    let wait = () => undefined;
    far.near = near;
    const pass = (from, to) => {
      let last = Promise.resolve();
      sockets.add(from);
      from.setNoDelay();
      from.on("data", (piece) => {
        if (from === near && /\r\nupgrade: *websocket\r\n/i.test(piece.toString("latin1"))) wait = () => sleep(slow);
        const due = wait();
        last = last.then(() => due).then(() => to.write(piece));
      });
      from.on("end", () => (last = last.then(() => orphans.has(to) || to.end())));
      from.on("error", () => orphans.has(to) || to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        if (orphans.has(to)) return;
        // whatever is still due goes out first
        last.then(() => to.destroySoon());
      });
    };
    pass(near, far);
    pass(far, near);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  const abandon = () => {
    whole = false;
    for (const socket of sockets) {
      if (socket.near) orphans.add(socket);
    }
    for (const socket of sockets) {
      if (!socket.near) socket.destroy();
    }
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut,
    abandon,
    mend: () => (whole = true),
    close() {
      server.close();
      for (const socket of orphans) socket.destroy();
      cut();
    },
  };
}
