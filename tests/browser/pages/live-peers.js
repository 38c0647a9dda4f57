// Connections without the package: what a page has at best, and such as are none at all.

/** Joins two connections of this page to each other, with nothing between them: how long until the first frame is shown, in milliseconds. */
window.bareJoin = async (media) => {
  const video = screen();
  const begun = performance.now();
  const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
  for (const [one, other] of [[from, to], [to, from]]) one.onicecandidate = ({ candidate }) => candidate && other.addIceCandidate(candidate);
  to.ontrack = ({ streams }) => (video.srcObject = streams[0]);
  for (const track of media.getTracks()) from.addTransceiver(track, { direction: "sendonly", streams: [media] });
  await from.setLocalDescription();
  await to.setRemoteDescription(from.localDescription);
  await to.setLocalDescription();
  await from.setRemoteDescription(to.localDescription);
  await video.eye.sees(() => true);
  const took = video.eye.first - begun;
  for (const end of [from, to]) end.close();
  video.remove();
  return took;
};

/** A connection in name only: it has no sockets and no encoder, so that a page can have a thousand of them, and all of them work. */
class HollowConnection extends EventTarget {
  connectionState = "new";
  iceConnectionState = "new";
  iceGatheringState = "new";
  signalingState = "stable";
  localDescription = null;
  remoteDescription = null;
  onnegotiationneeded = null;
  onicecandidate = null;
  onicecandidateerror = null;
  onconnectionstatechange = null;
  ontrack = null;
  static made = [];

  constructor() {
    super();
    HollowConnection.made.push(this);
  }

  addTransceiver(track, { direction = "sendrecv" } = {}) {
    queueMicrotask(() => this.#tell("negotiationneeded"));
    const sender = { track, replaceTrack: async (other) => void (sender.track = other), getParameters: () => ({ encodings: [{}] }), setParameters: async () => {} };
    return { sender, direction, receiver: {} };
  }

  async setLocalDescription() {
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    this.#turn(type, "local");
    this.localDescription = { type, sdp: `v=0\r\no=- ${HollowConnection.made.length} 1 IN IP4 127.0.0.1\r\n` };
    queueMicrotask(() => {
      this.#tell("icecandidate", { candidate: { candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "u" } });
      this.#tell("icecandidate", { candidate: null });
    });
  }

  async setRemoteDescription({ type, sdp }) {
    this.#turn(type, "remote");
    this.remoteDescription = { type, sdp };
  }

  async addIceCandidate() {}

  async getStats() {
    return new Map();
  }

  restartIce() {
    queueMicrotask(() => this.#tell("negotiationneeded"));
  }

  close() {
    this.signalingState = this.connectionState = "closed";
  }

  /** Whether anybody listens to it, or it is open. */
  get held() {
    return this.signalingState !== "closed" || Object.entries(this).some(([name, value]) => name.startsWith("on") && value != null);
  }

  #turn(type, side) {
    if (type === "offer") return void (this.signalingState = `have-${side}-offer`);
    this.signalingState = "stable";
    queueMicrotask(() => {
      if (this.signalingState === "closed") return;
      this.connectionState = "connected";
      this.#tell("connectionstatechange");
    });
  }

  #tell(type, more) {
    if (this.signalingState !== "closed") this[`on${type}`]?.({ type, target: this, ...more });
  }
}

/** From now on all connections of this page are hollow. Returns those that it made. */
window.hollowOut = () => {
  window.RTCPeerConnection = HollowConnection;
  return HollowConnection.made;
};
