// The road that media takes between pages, on loopback: every path between two of them goes through here, and ends when a test says so.

import { createSocket } from "node:dgram";
import { once } from "node:events";

const HERE = "127.0.0.1";
const CANDIDATE = /^(candidate:\S+ 1 udp \d+) 127\.0\.0\.1 (\d+) /i;

export class Road {
  /** Datagrams that went along it. */
  passed = 0;

  #fronts = new Set();
  #closed = false;

  /** From now on this page reaches the candidates that it is told of only by this road. Before the page is opened. */
  async lead(context) {
    await context.exposeFunction("viaRoad", (candidate, connection) => this.#via(candidate, connection));
    await context.addInitScript(takeTheRoad);
  }

  /** The paths of today carry nothing any more, for good; those that are found later do. `connection`: only those of the page's first, second, ... connection, from 0. */
  breakUp(connection) {
    for (const front of this.#fronts) front.broken ||= connection === undefined || front.connection === connection;
  }

  /** Nothing passes, or everything again, and the same for paths that are found later. */
  block(blocked) {
    for (const front of this.#fronts) front.broken = blocked;
    this.#closed = blocked;
  }

  async close() {
    for (const front of this.#fronts) front.close();
    this.#fronts.clear();
  }

  /** The candidate as the page is to see it, or nothing if there is no road to it. */
  async #via(candidate, connection) {
    const [whole, begin, port] = CANDIDATE.exec(candidate) ?? [];
    if (!whole) return null;
    const front = new Front(this, { connection, target: Number(port), broken: this.#closed });
    this.#fronts.add(front);
    const own = await front.listen();
    return candidate.replace(whole, `${begin} ${HERE} ${own} `);
  }
}

/** Where a page sends what is for one candidate of another page. Each sender gets a socket of its own behind it, so that answers find back. */
class Front {
  #road;
  #target;
  #socket = createSocket("udp4");
  #backs = new Map();

  constructor(road, { connection, target, broken }) {
    this.#road = road;
    this.#target = target;
    this.connection = connection;
    this.broken = broken;
  }

  async listen() {
    this.#socket.on("message", (bytes, { port }) => this.#pass(this.#back(port), bytes, this.#target));
    this.#socket.bind(0, HERE);
    await once(this.#socket, "listening");
    return this.#socket.address().port;
  }

  close() {
    for (const socket of [this.#socket, ...this.#backs.values()]) socket.close();
  }

  #back(port) {
    const known = this.#backs.get(port);
    if (known) return known;
    const back = createSocket("udp4");
    back.on("message", (bytes) => this.#pass(this.#socket, bytes, port));
    this.#backs.set(port, back);
    return back;
  }

  #pass(socket, bytes, port) {
    if (this.broken) return;
    this.#road.passed += 1;
    socket.send(bytes, port, HERE);
  }
}

/** Runs in the page, before anything else: what the page is told of the other side is told anew by the road. */
function takeTheRoad() {
  const { addIceCandidate, setRemoteDescription } = RTCPeerConnection.prototype;
  const numbers = new Map();
  RTCPeerConnection.prototype.addIceCandidate = async function (init) {
    if (!init?.candidate) return addIceCandidate.call(this, init);
    const { sdpMid, sdpMLineIndex, usernameFragment } = init;
    if (!numbers.has(this)) numbers.set(this, numbers.size);
    const candidate = await window.viaRoad(init.candidate, numbers.get(this));
    if (candidate) await addIceCandidate.call(this, { candidate, sdpMid, sdpMLineIndex, usernameFragment });
  };
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return setRemoteDescription.call(this, { type, sdp: sdp.replace(/a=candidate:.*\r\n/g, "") });
  };
}
