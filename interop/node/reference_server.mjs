// Node's own Socket.IO server, speaking the contract of interop/README.md.
import { Server } from "socket.io";
import { createServer } from "node:http";
import { endWithParent, parserOf } from "./lib.mjs";

const http = createServer((_, response) => response.writeHead(404).end());
const io = new Server(http, { serveClient: false, allowEIO3: true, ...parserOf(process.env.PARSER) });

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
    if (name === "/") {
      socket.on("disconnect", (reason) => socket.broadcast.emit("left", socket.id, reason));
    }
  });
}

io.of("/guarded").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  next(Object.assign(new Error("unauthorized"), { data: { code: 401 } }));
});

const host = process.env.HOST ?? "127.0.0.1";
http.listen(Number(process.env.PORT ?? 3000), host, () => console.log(`READY ${host}:${http.address().port}`));
process.on("SIGTERM", () => {
  io.close(() => process.exit(0));
  // a kept-alive HTTP connection would hold it open
  setTimeout(() => process.exit(0), 500);
});
endWithParent();
