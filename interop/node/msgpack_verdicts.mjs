// What npm's socket.io-msgpack-parser makes of messages, and how it writes packets.
//
// stdin, one JSON value a line: a message in hexadecimal
// stdout, one JSON value a line: {"verdict":"refused"}, or
// {"verdict":"packet","type":2,"nsp":"/","id":"7","name":"x","data":"[1]"}, where data is JSON text of its own.
// With the argument `write`, stdout is the messages of msgpack_packets.mjs instead, one a line as {"name":…,"hex":…}.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { packets } from "./msgpack_packets.mjs";

const { Decoder, Encoder } = createRequire(import.meta.url)("socket.io-msgpack-parser");

function judge(hex) {
  const message = Buffer.from(hex, "hex");
  const decoder = new Decoder();
  let packet;
  decoder.on("decoded", (decoded) => (packet = decoded));
  try {
    decoder.add(message);
  } catch (error) {
    return { verdict: "refused", error: String(error.message) };
  }
  const { type, nsp, id, data } = packet;
  const named = type === 2;
  return {
    verdict: "packet",
    type,
    nsp,
    id: id === undefined ? null : String(id),
    // events are found by the name's text, whatever it was
    name: named ? String(data[0]) : null,
    data: JSON.stringify(plain(named ? data.slice(1) : data) ?? null),
  };
}

/** Binary of either kind as a Buffer, and what JSON leaves out as null. */
function plain(value) {
  if (value === undefined) return null;
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (value === null || typeof value !== "object" || Buffer.isBuffer(value) || value instanceof Date) return value;
  if (Array.isArray(value)) return Array.from(value, plain);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

if (process.argv[2] === "write") {
  for (const [name, packet] of Object.entries(packets)) {
    console.log(JSON.stringify({ name, hex: new Encoder().encode(packet)[0].toString("hex") }));
  }
} else {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(judge(JSON.parse(line))).replace(/\\ud[89a-f][0-9a-f]{2}/g, "\ufffd"));
  }
}
