// The chat page. What it says to the server is in PROTOCOL.md; `io` is the official client, loaded by the page.

const $ = (id) => document.getElementById(id);
const MAX_IMAGE = 500_000;
const IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const ACK_TIMEOUT = 15_000;
const TYPING_IDLE = 2_500;
const TYPING_FORGET = 6_000;

// ---- state ----

let socket;
let me;
let room = "lobby";
let members = []; // of the room we are in
let rooms = [];
let active; // the view that is shown
let picture; // chosen and not sent yet: { name, mime, data, url }
const views = new Map(); // "room:lobby" or "private:ID" -> view
const typists = new Map(); // socket id -> { nickname, timer }
// our socket ids in this tab: a reconnection brings a new one, and the history knows the old ones
const mine = new Set(JSON.parse(sessionStorage.getItem("chat.ids") ?? "[]"));

function view(kind, key, peer) {
  const id = `${kind}:${key}`;
  if (!views.has(id)) views.set(id, { id, kind, key, peer, items: [], unread: 0, gone: false });
  return views.get(id);
}

const roomView = () => view("room", room);

// ---- small tools ----

function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key.includes("-")) node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

function avatar({ nickname }, node = h("span", { class: "avatar" })) {
  const letters = nickname.split(/\s+/).map((word) => [...word][0]);
  let hue = 0;
  for (const letter of nickname) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  node.textContent = (letters.length > 1 ? letters[0] + letters.at(-1) : letters[0]).toUpperCase();
  node.style.setProperty("--hue", hue);
  node.setAttribute("aria-hidden", "true");
  return node;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

// ---- entering ----

const query = new URLSearchParams(location.search);

$("nickname").value = query.get("nickname") ?? sessionStorage.getItem("chat.nickname") ?? "";
$("welcome-form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("welcome-problem").textContent = "";
  $("enter").disabled = true;
  connect($("nickname").value.trim());
});
if (query.has("nickname") && $("nickname").value) connect($("nickname").value);
else $("nickname").focus();

function connect(nickname) {
  socket?.disconnect();
  const forced = query.get("transport");
  socket = io({
    transports: ["polling", "websocket"].includes(forced) ? [forced] : ["polling", "websocket"],
    auth: (give) => give({ nickname, room }),
    reconnectionDelay: 500,
    reconnectionDelayMax: 4000,
    forceNew: true,
  });
  listen();
}

function listen() {
  socket.on("welcome", (welcome) => {
    sessionStorage.setItem("chat.nickname", welcome.me.nickname);
    me = welcome.me;
    mine.add(me.id);
    sessionStorage.setItem("chat.ids", JSON.stringify([...mine].slice(-50)));
    const again = !$("app").hidden;
    $("welcome").hidden = true;
    $("app").hidden = false;
    $("my-name").textContent = me.nickname;
    $("my-id").textContent = me.id;
    avatar(me, $("my-avatar"));
    rooms = welcome.rooms;
    enterRoom(welcome, again && active?.kind === "private" ? active : undefined);
    if (again) banner("Back online.", true);
    else $("text").focus();
  });
  socket.on("connect_error", (error) => {
    $("enter").disabled = false;
    if ($("app").hidden) $("welcome-problem").textContent = error.data ? `Sorry: ${error.message}.` : "The server cannot be reached. Trying again…";
    if (error.data) socket.disconnect();
  });
  socket.on("disconnect", (reason) => {
    typists.clear();
    renderTyping();
    transport(undefined);
    banner(`Connection lost (${reason}). Trying again…`);
    // a server that sends us away does not want us back by itself, but a person may
    if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
  });
  socket.io.on("reconnect_attempt", (attempt) => banner(`Connection lost. Trying again… (attempt ${attempt})`));
  socket.io.on("open", () => {
    const { engine } = socket.io;
    transport(engine.transport.name);
    engine.on("upgrade", ({ name }) => transport(name, "polling"));
  });

  socket.on("rooms", (list) => {
    rooms = list;
    renderRooms();
  });
  socket.on("joined", ({ room: where, member }) => {
    if (where !== room) return;
    members = [...members.filter(({ id }) => id !== member.id), member];
    notice(roomView(), `${member.nickname} came in`);
    renderPeople();
  });
  socket.on("left", ({ room: where, member, reason }) => {
    if (where !== room) return;
    members = members.filter(({ id }) => id !== member.id);
    stopsTyping(member.id);
    const how = reason === "switched" ? "went to another room" : `left (${reason})`;
    notice(roomView(), `${member.nickname} ${how}`);
    const talk = views.get(`private:${member.id}`);
    if (talk && reason !== "switched") {
      talk.gone = true;
      notice(talk, `${member.nickname} left (${reason})`);
      renderPrivates();
    }
    renderPeople();
  });
  socket.on("typing", ({ room: where, member, typing }) => {
    stopsTyping(member.id);
    if (typing && where === room) {
      typists.set(member.id, { nickname: member.nickname, timer: setTimeout(() => stopsTyping(member.id), TYPING_FORGET) });
    }
    renderTyping();
  });
  socket.on("message", (message) => {
    stopsTyping(message.from.id);
    const where = {
      room: () => view("room", message.room),
      private: () => view("private", message.from.id, message.from),
      everyone: () => roomView(),
    }[message.kind]();
    add(where, message);
  });
}

// ---- rooms ----

function enterRoom({ room: name, members: list, history }, stay) {
  room = name;
  members = list;
  for (const { timer } of typists.values()) clearTimeout(timer);
  typists.clear();
  const here = roomView();
  const known = new Set(history.map(({ id }) => id));
  here.items = [...history, ...here.items.filter(({ id }) => !known.has(id))].sort((a, b) => a.at - b.at);
  show(stay ?? here);
  renderRooms();
  renderPeople();
}

function join(name) {
  closeDrawers();
  if (name === room) return show(roomView());
  quiet();
  socket.timeout(ACK_TIMEOUT).emit("join", name, (late, result) => {
    if (late) return banner("The room does not answer.");
    if (!result.ok) return banner(`Sorry: ${result.error}.`);
    enterRoom(result);
  });
}

$("new-room").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.room;
  const name = field.value.trim();
  field.value = "";
  if (name) join(name);
});

function entry({ label, current, pressed, before, after, data, gone }) {
  const button = h("button", { type: "button", onclick: pressed, disabled: !pressed }, before, h("span", { class: "name" }, ...label), after);
  button.setAttribute("aria-current", String(Boolean(current)));
  if (gone) button.classList.add("gone");
  Object.assign(button.dataset, data);
  return h("li", {}, button);
}

function renderRooms() {
  $("rooms").replaceChildren(
    ...rooms.map(({ name, members: count }) =>
      entry({
        label: [name],
        current: active?.kind === "room" && active.key === name,
        pressed: () => join(name),
        before: h("span", { class: "hash" }, "#"),
        after: h("span", { class: "count", title: `${count} here` }, String(count)),
        data: { room: name },
      }),
    ),
  );
  renderPrivates();
}

function renderPrivates() {
  const talks = [...views.values()].filter(({ kind }) => kind === "private");
  $("privates-section").hidden = talks.length === 0;
  $("privates").replaceChildren(
    ...talks.map((talk) =>
      entry({
        label: [talk.peer.nickname],
        current: active === talk,
        pressed: () => (closeDrawers(), show(talk)),
        before: avatar(talk.peer),
        after: talk.unread > 0 ? h("span", { class: "badge" }, String(talk.unread)) : undefined,
        data: { private: talk.key },
        gone: talk.gone,
      }),
    ),
  );
  const unread = talks.reduce((sum, talk) => sum + talk.unread, 0);
  $("side-mark").hidden = unread === 0;
  document.title = `${unread > 0 ? `(${unread}) ` : ""}${active ? title(active) : "Chat"}`;
}

function renderPeople() {
  $("people-count").textContent = `· ${members.length}`;
  $("people").replaceChildren(
    ...members.map((member) =>
      entry({
        label: member.id === me.id ? [member.nickname, h("small", {}, " you")] : [member.nickname],
        pressed: member.id === me.id ? undefined : () => (closeDrawers(), show(view("private", member.id, member)), renderRooms()),
        before: avatar(member),
        data: { member: member.id },
      }),
    ),
  );
  renderHead();
}

// ---- the conversation ----

const title = ({ kind, key, peer }) => (kind === "room" ? `# ${key}` : peer.nickname);

function show(next) {
  if (active !== next) {
    quiet();
    toEveryone(false);
  }
  active = next;
  active.unread = 0;
  $("messages").replaceChildren();
  if (active.items.length === 0) $("messages").append(emptiness());
  active.items.forEach((item, index) => $("messages").append(render(item, active.items[index - 1])));
  $("messages").scrollTop = $("messages").scrollHeight;
  $("everyone").hidden = active.kind !== "room";
  $("text").placeholder = active.kind === "room" ? `Write to #${active.key}` : `Write to ${active.peer.nickname} alone`;
  renderHead();
  renderRooms();
  renderTyping();
  if (matchMedia("(hover: hover)").matches) $("text").focus();
}

function renderHead() {
  if (!active) return;
  $("title").textContent = title(active);
  const count = members.length === 1 ? "Only you so far" : `${members.length} people here`;
  $("subtitle").textContent = active.kind === "room" ? count : `Private, to socket ${active.key}`;
}

function emptiness() {
  const [head, text] =
    active.kind === "room"
      ? ["Nothing said yet", "Write the first message, drop a picture here, or call everyone with the megaphone."]
      : [`Just you and ${active.peer.nickname}`, "Only the two of you see what is written here."];
  return h("li", { class: "empty" }, h("strong", {}, head), text);
}

function add(where, item) {
  where.items.push(item);
  if (where === active) {
    const list = $("messages");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 120;
    list.querySelector(".empty")?.remove();
    const node = render(item, where.items.at(-2));
    node.classList.add("fresh");
    list.append(node);
    if (atEnd || item.state) list.scrollTop = list.scrollHeight;
  } else if (item.kind !== "notice") {
    where.unread++;
  }
  renderPrivates();
}

const notice = (where, text) => add(where, { kind: "notice", text, at: Date.now() });

function render(item, before) {
  if (item.kind === "notice") return h("li", { class: "notice" }, item.text);
  const own = mine.has(item.from.id);
  const follows =
    before?.from?.id === item.from.id && before.kind === item.kind && item.kind !== "everyone" && item.at - before.at < 180_000;
  const node = h("li", { class: `message ${item.kind}${own ? " mine" : ""}${follows ? " follows" : ""}` });
  node.append(avatar(item.from), h("span", { class: "author" }, item.from.nickname));
  const bubble = h("div", { class: "bubble" });
  if (item.kind === "everyone") bubble.append(h("span", { class: "label" }, icon("everyone"), own ? "To everyone" : "To everyone, in all rooms"));
  if (item.image) bubble.append(inlineImage(item.image));
  const meta = h("span", { class: "meta" }, h("time", { dateTime: new Date(item.at).toISOString() }, clock.format(item.at)));
  bubble.append(h("span", { class: "text" }, item.text), meta);
  node.append(bubble);
  if (own) state(node, meta, item);
  item.node = node;
  return node;
}

const STATES = {
  sending: ["sending", "Sending"],
  delivered: ["delivered", "Delivered"],
  failed: ["failed", "Not confirmed"],
};

function state(node, meta, item) {
  const [name, label] = STATES[item.state ?? "delivered"];
  node.dataset.state = name;
  const tick = icon(name);
  tick.setAttribute("aria-hidden", "false");
  tick.setAttribute("role", "img");
  tick.setAttribute("aria-label", label);
  meta.append(tick);
  if (item.problem) {
    node.append(h("p", { class: "problem-line bubble-problem" }, item.problem, h("button", { type: "button", onclick: () => deliver(item) }, "Try again")));
  }
}

function inlineImage({ name, mime, data }) {
  const url = URL.createObjectURL(new Blob([data], { type: IMAGE_TYPES.includes(mime) ? mime : "image/png" }));
  const img = h("img", { src: url, alt: name, title: name });
  img.addEventListener("load", () => {
    const list = $("messages");
    if (list.scrollHeight - list.scrollTop - list.clientHeight < img.height + 160) list.scrollTop = list.scrollHeight;
  });
  img.addEventListener("click", () => {
    $("viewer-image").src = url;
    $("viewer-image").alt = name;
    $("viewer").showModal();
  });
  return img;
}

$("viewer").addEventListener("click", () => $("viewer").close());

// ---- sending ----

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  const everyone = $("everyone").getAttribute("aria-pressed") === "true";
  if (!text && (!picture || everyone)) return;
  const kind = everyone ? "everyone" : active.kind;
  const item = { kind, from: me, text, at: Date.now(), to: kind === "private" ? active.key : undefined, where: active };
  if (picture && !everyone) {
    item.image = { name: picture.name, mime: picture.mime, data: picture.data };
    attach(undefined);
  }
  $("text").value = "";
  grow();
  quiet();
  toEveryone(false);
  item.state = "sending";
  add(active, item);
  deliver(item);
});

function deliver(item) {
  const { kind, text, image, to } = item;
  const [event, payload] = {
    room: ["say", { text, image }],
    private: ["whisper", { to, text, image }],
    everyone: ["shout", { text }],
  }[kind];
  settle(item, "sending");
  socket.timeout(ACK_TIMEOUT).emit(event, payload, (late, result) => {
    if (late) return settle(item, "failed", "The server did not confirm this.");
    if (!result.ok) return settle(item, "failed", `Not sent: ${result.error}.`);
    item.id = result.id;
    item.at = result.at;
    settle(item, "delivered");
  });
}

function settle(item, next, problem) {
  item.state = next;
  item.problem = problem;
  const old = item.node;
  if (!old?.isConnected) return;
  const index = item.where.items.indexOf(item);
  old.replaceWith(render(item, item.where.items[index - 1]));
}

function toEveryone(on) {
  $("everyone").setAttribute("aria-pressed", String(on));
  $("composer").classList.toggle("everyone", on);
  $("attach").disabled = on;
  if (active) $("text").placeholder = on ? "Write to everyone, in all rooms" : active.kind === "room" ? `Write to #${active.key}` : $("text").placeholder;
}

$("everyone").addEventListener("click", () => {
  toEveryone($("everyone").getAttribute("aria-pressed") !== "true");
  $("text").focus();
});

function grow() {
  const field = $("text");
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
}

$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});

// ---- typing ----

let typing = false;
let idle;

$("text").addEventListener("input", () => {
  grow();
  clearTimeout(idle);
  if (active.kind !== "room" || $("text").value === "") return quiet();
  if (!typing) {
    typing = true;
    socket.volatile.emit("typing", true);
  }
  idle = setTimeout(quiet, TYPING_IDLE);
});

function quiet() {
  clearTimeout(idle);
  if (typing) socket.volatile.emit("typing", false);
  typing = false;
}

function stopsTyping(id) {
  clearTimeout(typists.get(id)?.timer);
  if (typists.delete(id)) renderTyping();
}

function renderTyping() {
  const names = active?.kind === "room" ? [...typists.values()].map(({ nickname }) => nickname) : [];
  if (names.length === 0) return $("typing").replaceChildren();
  const text = names.length === 1 ? `${names[0]} is writing` : names.length === 2 ? `${names[0]} and ${names[1]} are writing` : `${names.length} people are writing`;
  $("typing").replaceChildren(h("span", { class: "wave", "aria-hidden": "true" }, h("i"), h("i"), h("i")), text);
}

// ---- pictures ----

function attach(next) {
  if (picture) URL.revokeObjectURL(picture.url);
  picture = next;
  $("attached").hidden = !picture;
  if (!picture) return;
  $("attached-image").src = picture.url;
  $("attached-name").textContent = `${picture.name} · ${Math.ceil(picture.data.byteLength / 1000)} kB`;
  toEveryone(false);
  $("text").focus();
}

async function choose(file) {
  if (!file) return;
  if (!IMAGE_TYPES.includes(file.type)) return banner("Only PNG, JPEG, GIF and WebP pictures can be sent.", false, 4000);
  try {
    const small = file.size <= MAX_IMAGE ? file : await shrink(file);
    attach({ name: file.name || "picture", mime: small.type, data: await small.arrayBuffer(), url: URL.createObjectURL(small) });
  } catch {
    banner("This picture cannot be read.", false, 4000);
  }
}

/** The same picture in fewer pixels, until it is small enough to send. */
async function shrink(file) {
  const bitmap = await createImageBitmap(file);
  for (let side = 1600; side >= 200; side /= 1.5) {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const canvas = h("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    if (blob && blob.size <= MAX_IMAGE) return blob;
  }
  throw new Error("too large");
}

$("attach").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  choose($("file").files[0]);
  $("file").value = "";
});
$("detach").addEventListener("click", () => attach(undefined));
$("text").addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files][0];
  if (file) {
    event.preventDefault();
    choose(file);
  }
});

const talk = document.querySelector(".talk");
talk.addEventListener("dragover", (event) => {
  event.preventDefault();
  talk.classList.add("dropping");
});
talk.addEventListener("dragleave", () => talk.classList.remove("dropping"));
talk.addEventListener("drop", (event) => {
  event.preventDefault();
  talk.classList.remove("dropping");
  choose(event.dataTransfer.files[0]);
});

// ---- around it ----

let bannerTimer;

function banner(text, good = false, forget = good ? 2500 : 0) {
  clearTimeout(bannerTimer);
  $("banner").textContent = text;
  $("banner").classList.toggle("good", good);
  $("banner").hidden = false;
  if (forget || socket.connected) bannerTimer = setTimeout(() => ($("banner").hidden = true), forget || 4000);
}

const TRANSPORTS = { polling: "HTTP polling", websocket: "WebSocket", webtransport: "WebTransport" };

function transport(name, before) {
  $("transport").dataset.transport = name ?? "";
  const label = TRANSPORTS[name] ?? name ?? "offline";
  $("transport-text").textContent = before ? `${before} → ${label}` : label;
}

function closeDrawers() {
  $("side").classList.remove("open");
  $("people-side").classList.remove("open");
}

$("open-side").addEventListener("click", () => $("side").classList.add("open"));
$("open-people").addEventListener("click", () => $("people-side").classList.add("open"));
for (const node of document.querySelectorAll("[data-close-drawers]")) node.addEventListener("click", closeDrawers);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeDrawers();
});
