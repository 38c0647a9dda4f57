// As much of STUN (RFC 8489) and TURN (RFC 8656) as it takes to ask a server for a relayed address, as a browser does.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";

const BINDING = 0x0001;
const ALLOCATE = 0x0003;
const SUCCESS = 0x0100;
const MAGIC = 0x2112a442;
const UDP = 17;

const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const REALM = 0x0014;
const NONCE = 0x0015;
const XOR_RELAYED_ADDRESS = 0x0016;
const REQUESTED_TRANSPORT = 0x0019;

/** How long an answer may take before the question is sent again, and how often it is. */
const AGAIN = 500;
const TIMES = 6;

/** Whether a STUN server answers there. */
export async function answers(address, port) {
  return withSocket(address, port, async (ask) => (await ask(request(BINDING, []), 1)) !== null);
}

/**
 * Asks for a relayed address, first without credentials and then with these, as the server wants it. Resolves with
 * `{ relayed: port }`, or `{ error: code }` with the code that the server gave the second time.
 */
export async function allocate(address, port, { username, credential }) {
  return withSocket(address, port, async (ask) => {
    const transport = attribute(REQUESTED_TRANSPORT, Buffer.from([UDP, 0, 0, 0]));
    const challenge = await ask(request(ALLOCATE, [transport]));
    const [realm, nonce] = [challenge?.attributes.get(REALM), challenge?.attributes.get(NONCE)];
    if (!realm || !nonce) throw new Error(`the TURN server at port ${port} asks for no credentials`);
    const said = [transport, attribute(USERNAME, Buffer.from(username)), attribute(REALM, realm), attribute(NONCE, nonce)];
    const key = createHash("md5").update(`${username}:${realm}:${credential}`).digest();
    const answer = await ask(signed(request(ALLOCATE, said), key));
    if (answer === null) throw new Error(`the TURN server at port ${port} does not answer`);
    if (answer.type === (ALLOCATE | SUCCESS)) {
      const relayed = answer.attributes.get(XOR_RELAYED_ADDRESS);
      return { relayed: relayed.readUInt16BE(2) ^ (MAGIC >>> 16) };
    }
    const code = answer.attributes.get(ERROR_CODE);
    return { error: code[2] * 100 + code[3] };
  });
}

async function withSocket(address, port, talk) {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("error", () => {});
  socket.connect(port, address);
  await once(socket, "connect");
  const ask = async (message, times = TIMES) => {
    for (let time = 0; time < times; time += 1) {
      const answer = await heard(socket, message);
      if (answer) return answer;
    }
    return null;
  };
  try {
    return await talk(ask);
  } finally {
    socket.close();
  }
}

/** Sends a message and waits a moment for the answer to it. */
function heard(socket, message) {
  return new Promise((resolve) => {
    const done = (answer) => {
      clearTimeout(timer);
      socket.off("message", listen);
      resolve(answer);
    };
    const listen = (answer) => {
      if (answer.length >= 20 && answer.subarray(8, 20).equals(message.subarray(8, 20))) done(parse(answer));
    };
    const timer = setTimeout(done, AGAIN, null);
    socket.on("message", listen);
    socket.send(message, () => {});
  });
}

function request(type, attributes) {
  const head = Buffer.alloc(20);
  const body = Buffer.concat(attributes);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(MAGIC, 4);
  randomBytes(12).copy(head, 8);
  return Buffer.concat([head, body]);
}

function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

/** The digest counts itself into the length before it is made (RFC 8489, section 14.5). */
function signed(message, key) {
  const whole = Buffer.from(message);
  whole.writeUInt16BE(message.length - 20 + 24, 2);
  return Buffer.concat([whole, attribute(MESSAGE_INTEGRITY, createHmac("sha1", key).update(whole).digest())]);
}

function parse(message) {
  const attributes = new Map();
  for (let at = 20; at + 4 <= message.length; ) {
    const length = message.readUInt16BE(at + 2);
    attributes.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return { type: message.readUInt16BE(0), attributes };
}
