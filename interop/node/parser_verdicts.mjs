// What npm's socket.io-parser makes of packets.
//
// stdin, one JSON value a line: ["<text>", <how many binary messages follow>]
// stdout, one JSON value a line: {"verdict":"refused"}, {"verdict":"incomplete"}, or
// {"verdict":"packet","type":2,"nsp":"/","id":"7","name":"x","data":"[1]"}, where data is JSON
// text of its own. The binary message number i is one byte, i.
import { createInterface } from "node:readline";
import { Decoder } from "socket.io-parser";

function judge(text, attachments) {
  const decoder = new Decoder();
  const packets = [];
  decoder.on("decoded", (packet) => packets.push(packet));
  try {
    decoder.add(text);
    for (let i = 0; i < attachments && packets.length === 0; i++) {
      decoder.add(Buffer.from([i]));
    }
  } catch (error) {
    return { verdict: "refused", error: String(error.message) };
  } finally {
    decoder.destroy();
  }
  if (packets.length === 0) {
    return { verdict: "incomplete" };
  }
  const { type, nsp, id, data } = packets[0];
  const named = type === 2 && Array.isArray(data);
  return {
    verdict: "packet",
    type,
    nsp,
    id: id === undefined ? null : String(id),
    // events are found by the name's text, whatever it was
    name: named ? String(data[0]) : null,
    // lone surrogates are escaped, and not every parser of JSON takes them
    data: JSON.stringify((named ? data.slice(1) : data) ?? null).replace(/\\ud[89a-f][0-9a-f]{2}/g, "\ufffd"),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(judge(...JSON.parse(line))).replace(/\\ud[89a-f][0-9a-f]{2}/g, "\ufffd"));
}
