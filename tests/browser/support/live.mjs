// Who broadcasts and who watches, each in a page and at a user of its own, with cameras that the browser makes up.

import assert from "node:assert/strict";

import { open } from "./browser.mjs";
import { Proxy } from "./proxy.mjs";
import { token, within } from "./server.mjs";
import { Stage } from "./stage.mjs";

/** How long a page may take for what a test waits for, on a slow machine. */
const PATIENCE = 45_000;

const FLAGS = [
  "--use-fake-device-for-media-stream",
  // Peers meet on loopback, so that no test depends on the networks of the machine.
  "--allow-loopback-in-peer-connection",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];

let users = 0;

export class LiveStage extends Stage {
  #seats = new Set();

  static start(options) {
    return super.start({ flags: FLAGS, ...options });
  }

  /**
   * Opens a page with a client of a user who has this role in all streams. `camera`: whether it may have one. `road`: the one that its
   * media is to take. `untouched`: as if nobody had ever clicked in it.
   */
  async seat(role, { user = `${role}-${(users += 1)}`, camera = true, road, untouched = false } = {}) {
    const line = await Proxy.to(this.server.port);
    const permissions = camera ? ["camera", "microphone"] : [];
    const opened = await open(this.browser, `${line.url}/live.html`, { permissions, prepare: (context) => road?.lead(context) });
    const seat = new Seat({ ...opened, line, user, token: token(user, { live: [{ name: "*", role }] }) });
    this.#seats.add(seat);
    await seat.sit(untouched);
    return seat;
  }

  /** A page that broadcasts, once viewers can come. `source`: "camera", or the colour of a picture. */
  async broadcaster(stream, { source = "camera", options, ...seat } = {}) {
    const opened = await this.seat("broadcaster", seat);
    await opened.broadcast(stream, { source, options });
    return opened;
  }

  /** A page that watches, once it shows some frames; with `frames: 0`, at once. */
  async viewer(stream, { frames = 3, options, ...seat } = {}) {
    const opened = await this.seat("viewer", seat);
    await opened.watch(stream, options);
    await opened.shows(frames);
    return opened;
  }

  /** What anybody is told of a stream over HTTP. */
  async record(stream) {
    const headers = { authorization: `Bearer ${token("asker", { live: [{ name: "*", role: "audience" }] })}` };
    const answer = await fetch(`${this.server.url}/api/live/${stream}`, { headers });
    assert.equal(answer.status, 200);
    return answer.json();
  }

  /** Closes all pages, none of which may have had a problem. */
  async clear() {
    const seats = [...this.#seats];
    this.#seats.clear();
    for (const seat of seats) await seat.close();
    // What the browser still promised to an instance that a fault took away is nobody's any more.
    const problems = seats.flatMap(({ trace }) => trace.problems).filter((problem) => !problem.includes("previous WASM instance"));
    assert.deepEqual(problems, []);
  }
}

export class Seat {
  #devtools;

  constructor({ page, trace, context, line, user, token }) {
    Object.assign(this, { page, trace, context, line, user, token });
  }

  /** Makes the page's client; again after the page was loaded anew. */
  async sit(untouched = false) {
    const run = untouched ? this.quietly : this.do;
    await run.call(this, (token) => void (window.client = newClient({ token })), this.token);
  }

  /** Runs a function in the page. */
  do(work, argument) {
    return within(PATIENCE, `a page of ${this.user} to do ${work}`, this.page.evaluate(work, argument));
  }

  /** The same, but not as a gesture of a person, which `do` is for the browser. */
  async quietly(work, argument) {
    this.#devtools ??= await this.context.newCDPSession(this.page);
    const expression = `(${work})(${JSON.stringify(argument)})`;
    const evaluated = this.#devtools.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: false });
    const { result, exceptionDetails } = await within(PATIENCE, `a page of ${this.user} to do ${work}`, evaluated);
    assert.equal(exceptionDetails, undefined, exceptionDetails?.exception?.description);
    return result.value;
  }

  /** Begins a broadcast, `cast` in the page. */
  broadcast(stream, { source = "camera", options } = {}) {
    return this.do(
      async ([stream, source, options]) => {
        window.cast = broadcast(stream, source === "camera" ? await camera() : painted(source), options);
        await cast.ready;
      },
      [stream, source, options],
    );
  }

  /** Begins to watch, `view` in the page. */
  watch(stream, options) {
    return this.do(([stream, options]) => void (window.view = watch(stream, options)), [stream, options]);
  }

  /** Waits for so many more frames with other pictures. */
  shows(frames) {
    return this.do((frames) => frames === 0 || view.eye.more(frames), frames);
  }

  /** Waits until `cast` or `view` is in this state. */
  async reaches(handle, state) {
    await this.do(([handle, state]) => becomes(window[handle], (now) => now.state === state), [handle, state]);
  }

  /** The colour that the viewer sees becomes this one: "red", "green" or "blue". */
  seesColour(colour) {
    return this.do((wanted) => view.eye.sees(({ colour }) => colour.every((value, at) => (at === wanted ? value > 90 : value < 90))), ["red", "green", "blue"].indexOf(colour));
  }

  /** What the server signalled to this page, by the signal's name. */
  signals(name) {
    return this.trace.frames.filter((frame) => frame.type === "signal" && frame.name === name).map(({ payload }) => payload);
  }

  /** What this page called with, by the method's name. */
  calls(method) {
    return this.trace.frames.filter((frame) => frame.way === "up" && frame.type === "call" && frame.method === method).map(({ payload }) => payload);
  }

  /** How many connections the page has opened, and how many of them it has not closed. */
  connections() {
    return this.do(() => ({ made: connections.length, open: openConnections().length }));
  }

  /** Takes the page off the server. `heal` lets it come back. */
  sever() {
    this.line.refuse(true);
    this.line.cut();
  }

  /** Lets it come back, and waits until it has. */
  async heal() {
    this.line.refuse(false);
    await this.do(() => client.connect());
  }

  /** Ends the page's process, which says goodbye to nobody. */
  async kill() {
    const crashed = this.page.waitForEvent("crash");
    const devtools = await this.context.newCDPSession(this.page);
    devtools.send("Page.crash").catch(() => {});
    await crashed;
  }

  async close() {
    await this.context.close();
    await this.line.close();
  }
}
