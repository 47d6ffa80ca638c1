// Takes the place of the suites' own node-imports.js, so that the test files run untouched against any address.
import chai from "chai";
import chaiString from "chai-string";
import nodeFetch from "node-fetch";
import * as ws from "ws";

const there = (url) => String(url).replace("localhost:3000", process.env.SUITE_SERVER);

// One test of the Engine.IO v3 suite begins to listen for the first message only after it was told of the opening. When
// both come in one read it misses the message, the more often the faster the server is; so they come a turn later here.
const LATE = process.env.SUITE_LATE_MESSAGES ? ["message", "close", "error"] : [];

class WebSocket extends ws.WebSocket {
  constructor(url, ...rest) {
    super(there(url), ...rest);
  }

  emit(name, ...args) {
    if (!LATE.includes(name)) return super.emit(name, ...args);
    setImmediate(() => super.emit(name, ...args));
    return true;
  }
}

chai.use(chaiString);
Object.assign(globalThis, { chai, WebSocket, fetch: (url, options) => nodeFetch(there(url), options) });
