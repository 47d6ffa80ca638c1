// Watches a project of examples/src/tasks and reports what it hears, a line of JSON each.
//   node tasks_watch.mjs URL PROJECT polling|websocket|upgrade
// First comes {"watching":[tasks]}, then {"event":"task added","task":{...}} and the like, until the parent says "end".
import { createInterface } from "node:readline";
import { loadClient, transportsOf, usage } from "./lib.mjs";

const [url, project, mode] = process.argv.slice(2);
if (!project) usage("usage: node tasks_watch.mjs URL PROJECT polling|websocket|upgrade");
const { io } = loadClient("4.8");
const socket = io(url, { transports: transportsOf(mode) });
const say = (value) => console.log(JSON.stringify(value));
for (const event of ["task added", "task changed"]) socket.on(event, (task) => say({ event, task }));
socket.on("connect_error", (error) => say({ connect_error: error.message }));
socket.on("connect", () =>
  socket.emit("watch", Number(project), ({ ok, tasks, error }) => say(ok ? { watching: tasks } : { refused: error })),
);
createInterface({ input: process.stdin }).on("line", (line) => {
  if (line !== "end") return;
  // the engine, so that the process ends when everything has left
  socket.io.engine.once("close", () => process.exit(0));
  socket.disconnect();
});
setTimeout(() => process.exit(1), 60_000);
