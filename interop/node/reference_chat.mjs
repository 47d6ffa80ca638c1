// The chat server of examples/chat/PROTOCOL.md on Node's own Socket.IO: what the page is developed against.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { Server } from "socket.io";
import { endWithParent } from "./lib.mjs";

const examples = new URL("../../examples/", import.meta.url);
const FILES = {
  "/": ["chat/index.html", "text/html; charset=utf-8"],
  "/style.css": ["chat/style.css", "text/css; charset=utf-8"],
  "/app.js": ["chat/app.js", "text/javascript; charset=utf-8"],
  "/favicon.svg": ["chat/favicon.svg", "image/svg+xml"],
};
const POLICY =
  "default-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const LOBBY = "lobby";
const MIMES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const MAX_ROOMS = 100;
const MAX_HISTORY = 100;
const MAX_IMAGES = 10;

const http = createServer(async (request, response) => {
  const headers = { "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff" };
  const file = FILES[new URL(request.url, "http://host").pathname];
  try {
    const [path, type] = file;
    response.writeHead(200, { ...headers, "Content-Type": type }).end(await readFile(new URL(path, examples)));
  } catch {
    response.writeHead(404, headers).end();
  }
});
const io = new Server(http, { serveClient: true });

// name -> { members: Map of id -> Member, history: [Message] }
const rooms = new Map([[LOBBY, { members: new Map(), history: [] }]]);
let lastId = 0;

class Refused extends Error {}

function name(value, what, max) {
  const text = typeof value === "string" ? value.trim() : "";
  if (text === "" || [...text].length > max || /\p{Cc}/u.test(text)) {
    throw new Refused(`${what} needs 1 to ${max} characters`);
  }
  return text;
}

function text(value, mayBeEmpty) {
  if (typeof value !== "string") throw new Refused("a message needs a text");
  if (value === "" && !mayBeEmpty) throw new Refused("the message is empty");
  if ([...value].length > 4000) throw new Refused("the message is longer than 4000 characters");
  return value;
}

function image(value) {
  if (value === undefined || value === null) return undefined;
  const { name, mime, data } = value;
  if (typeof name !== "string" || !Buffer.isBuffer(data)) throw new Refused("that is not an image");
  if (!MIMES.includes(mime)) throw new Refused("only PNG, JPEG, GIF and WebP images can be sent");
  if (data.length > 500_000) throw new Refused("the image is larger than 500 kB");
  return { name, mime, data };
}

function listRooms() {
  const list = [...rooms].map(([name, { members }]) => ({ name, members: members.size }));
  const byCodePoint = (a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
  return list.sort((a, b) => (b.name === LOBBY) - (a.name === LOBBY) || byCodePoint(a, b));
}

function enter(socket, room) {
  if (!rooms.has(room)) {
    if (rooms.size >= MAX_ROOMS) throw new Refused(`there are ${MAX_ROOMS} rooms already`);
    rooms.set(room, { members: new Map(), history: [] });
  }
  rooms.get(room).members.set(socket.id, socket.data.me);
  socket.data.room = room;
  socket.join(`room:${room}`);
  socket.to(`room:${room}`).emit("joined", { room, member: socket.data.me });
}

function leave(socket, reason) {
  const { me, room } = socket.data;
  const { members, history } = rooms.get(room);
  members.delete(socket.id);
  socket.leave(`room:${room}`);
  io.to(`room:${room}`).emit("left", { room, member: me, reason });
  if (members.size === 0 && history.length === 0 && room !== LOBBY) rooms.delete(room);
}

function inside(room) {
  const { members, history } = rooms.get(room);
  return { room, members: [...members.values()], history };
}

function message(socket, kind, fields) {
  return { id: ++lastId, kind, from: socket.data.me, at: Date.now(), ...fields };
}

function withImage(fields, picture) {
  return picture ? { ...fields, image: picture } : fields;
}

io.use((socket, next) => {
  const { nickname, room } = socket.handshake.auth;
  let code = "nickname";
  try {
    socket.data.me = { id: socket.id, nickname: name(nickname, "a nickname", 24) };
    code = "room";
    socket.data.room = name(room ?? LOBBY, "a room", 32);
    if (!rooms.has(socket.data.room) && rooms.size >= MAX_ROOMS) throw new Refused(`there are ${MAX_ROOMS} rooms already`);
    next();
  } catch (error) {
    next(Object.assign(error, { data: { code } }));
  }
});

io.on("connection", (socket) => {
  const { me } = socket.data;
  enter(socket, socket.data.room);
  socket.emit("welcome", { me, ...inside(socket.data.room), rooms: listRooms() });
  io.emit("rooms", listRooms());

  // every event with an ack: the handler's value becomes { ok: true, ... }, a refusal { ok: false, error }
  const on = (event, handler) =>
    socket.on(event, (payload, ack) => {
      if (typeof ack !== "function") return;
      try {
        ack({ ok: true, ...handler(payload) });
      } catch (error) {
        ack({ ok: false, error: error instanceof Refused ? error.message : "that was not understood" });
      }
    });

  on("join", (value) => {
    const room = name(value, "a room", 32);
    if (room !== socket.data.room) {
      if (!rooms.has(room) && rooms.size >= MAX_ROOMS) throw new Refused(`there are ${MAX_ROOMS} rooms already`);
      leave(socket, "switched");
      enter(socket, room);
      io.emit("rooms", listRooms());
    }
    return inside(room);
  });
  on("say", (payload) => {
    const picture = image(payload.image);
    const { room } = socket.data;
    const sent = message(socket, "room", withImage({ room, text: text(payload.text, picture) }, picture));
    const { history } = rooms.get(room);
    history.push(sent);
    if (history.length > MAX_HISTORY) history.shift();
    for (const old of history.filter((kept) => kept.image).slice(0, -MAX_IMAGES)) {
      old.text ||= old.image.name;
      delete old.image;
    }
    socket.to(`room:${room}`).emit("message", sent);
    return { id: sent.id, at: sent.at };
  });
  on("whisper", (payload) => {
    const { to } = payload;
    if (to === socket.id) throw new Refused("that is you");
    if (!io.of("/").sockets.has(to)) throw new Refused("that person is not here any more");
    const picture = image(payload.image);
    const sent = message(socket, "private", withImage({ to, text: text(payload.text, picture) }, picture));
    socket.to(to).emit("message", sent);
    return { id: sent.id, at: sent.at };
  });
  on("shout", (payload) => {
    const sent = message(socket, "everyone", { text: text(payload.text) });
    socket.broadcast.emit("message", sent);
    return { id: sent.id, at: sent.at };
  });
  socket.on("typing", (typing) => {
    if (typeof typing !== "boolean") return;
    const { room } = socket.data;
    socket.to(`room:${room}`).volatile.emit("typing", { room, member: me, typing });
  });
  socket.on("disconnect", (reason) => {
    leave(socket, reason);
    io.emit("rooms", listRooms());
  });
});

const host = process.env.HOST ?? "127.0.0.1";
http.listen(Number(process.env.PORT ?? 3000), host, () => console.log(`READY ${host}:${http.address().port}`));
process.on("SIGTERM", () => {
  io.close(() => process.exit(0));
  // a kept-alive HTTP connection would hold it open
  setTimeout(() => process.exit(0), 500);
});
endWithParent();
