// The official client, driven by lines on stdin as every client of the benchmark: `open COUNT` and `echo DEPTH COUNT`,
// each answered by `done`.
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { io } from "socket.io-client";

const url = process.argv[2];
const payload = "x".repeat(100);
const sockets = [];

const connect = () =>
  new Promise((resolve, reject) => {
    const socket = io(url, { transports: ["websocket"], forceNew: true, reconnection: false });
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", reject);
  });

const echo = (depth, count) =>
  new Promise((resolve, reject) => {
    let sent = 0;
    let came = 0;
    const heard = (x) => {
      if (x !== payload) return reject(new Error("an answer is not what was sent"));
      came += 1;
      if (came === count) return resolve();
      if (sent < count) call();
    };
    const call = () => {
      sent += 1;
      sockets[0].emit("echo", payload, heard);
    };
    for (let n = 0; n < Math.min(depth, count); n += 1) call();
  });

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...numbers] = line.split(" ");
  const [first, second] = numbers.map(Number);
  if (what === "open") for (let n = 0; n < first; n += 1) sockets.push(await connect());
  else if (what === "echo") await echo(first, second);
  else if (what === "rest") await sleep(first);
  else throw new Error(`not understood: ${line}`);
  console.log("done");
}
process.exit(0);
