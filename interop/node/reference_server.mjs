// Node's own Socket.IO server, speaking the contract of interop/README.md. Settings are variables of the environment:
//   SOCKETIO=3        socket.io 3.1 instead of 4.8
//   PARSER=msgpack    npm's msgpack parser
//   RECOVERY_MS=N     connection state recovery for that long
//   TICK_MS=N         `tick` and `own` events, see the README
//   PING_MS=N         a ping every N ms, with N ms for its answer
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { endWithParent, parserOf } from "./lib.mjs";

const { PORT, HOST, SOCKETIO, PARSER, RECOVERY_MS, TICK_MS, PING_MS } = process.env;
const { Server } = createRequire(import.meta.url)(SOCKETIO === "3" ? "socket.io-server-3" : "socket.io");

const options = { serveClient: false, allowEIO3: true, ...parserOf(PARSER) };
if (RECOVERY_MS) options.connectionStateRecovery = { maxDisconnectionDuration: Number(RECOVERY_MS) };
if (PING_MS) Object.assign(options, { pingInterval: Number(PING_MS), pingTimeout: Number(PING_MS) });
const http = createServer((_, response) => response.writeHead(404).end());
const io = new Server(http, options);
const notes = [];

for (const name of ["/", "/custom"]) {
  const namespace = io.of(name);
  namespace.on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
    socket.on("join", async (room, ack) => {
      await socket.join(room);
      ack();
    });
    socket.on("leave", async (room, ack) => {
      await socket.leave(room);
      ack();
    });
    socket.on("room", (room, payload) => socket.to(room).emit("room", payload));
    socket.on("all", (payload) => namespace.emit("all", payload));
    socket.on("others", (payload) => socket.broadcast.emit("others", payload));
    socket.on("private", (id, payload) => socket.to(id).emit("private", socket.id, payload));
    socket.on("ask", (question, ack) => socket.emit("question", question, (answer) => ack(answer)));
    socket.on("bye", () => socket.disconnect());
    socket.on("bye-all", () => socket.disconnect(true));
    socket.on("count", (count) => {
      for (let n = 0; n < count; n++) socket.emit("counted", n);
    });
    socket.on("note", (n, ack) => {
      notes.push(n);
      ack(n);
    });
    socket.on("notes", (ack) => ack(notes));
    if (name === "/") {
      socket.on("disconnect", (reason) => socket.broadcast.emit("left", socket.id, reason));
    }
  });
}

if (TICK_MS) {
  const owns = new Map();
  let tick = 0;
  io.on("connection", (socket) => {
    if (!socket.recovered) owns.set(socket.id, 0);
    // those of before do not come back
    if (owns.size > 4) owns.delete(owns.keys().next().value);
  });
  setInterval(() => {
    io.emit("tick", ++tick);
    for (const [id, own] of owns) {
      owns.set(id, own + 1);
      io.to(id).emit("own", own + 1);
    }
  }, Number(TICK_MS));
}

io.of("/guarded").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  next(Object.assign(new Error("unauthorized"), { data: { code: 401 } }));
});

const host = HOST ?? "127.0.0.1";
http.listen(Number(PORT ?? 3000), host, () => console.log(`READY ${host}:${http.address().port}`));
process.on("SIGTERM", () => {
  io.close(() => process.exit(0));
  // a kept-alive HTTP connection would hold it open
  setTimeout(() => process.exit(0), 500);
});
endWithParent();
