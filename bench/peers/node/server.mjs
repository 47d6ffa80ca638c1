// The official server with the events of the benchmark.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { perMessageDeflate: false, httpCompression: false, serveClient: false });

io.on("connection", (socket) => {
  socket.on("echo", (x, ack) => (ack ? ack(x) : socket.emit("echo", x)));
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack(true);
  });
  socket.on("cast", (x) => io.emit("cast", x));
  socket.on("room", (room, x) => io.to(room).emit("cast", x));
});

http.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`READY 127.0.0.1:${http.address().port}`);
});
