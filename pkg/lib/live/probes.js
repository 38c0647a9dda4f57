// Looks at single legs of the way between a broadcaster and a viewer.

/** How long a server may take to answer, and two ends within this page to reach each other, in milliseconds. */
const PATIENCE = 5_000;

/** Which kinds of addresses come about with this configuration, and what the server refuses. */
export async function gather(configuration) {
  const candidates = [];
  const errors = [];
  const connection = new RTCPeerConnection(configuration);
  try {
    connection.onicecandidateerror = ({ url, errorCode, errorText }) => errors.push({ url, code: errorCode, text: errorText });
    const all = new Promise((resolve) => {
      connection.onicecandidate = ({ candidate }) => (candidate?.candidate ? candidates.push(candidate.type) : candidate ?? resolve());
    });
    connection.createDataChannel("probe");
    await connection.setLocalDescription();
    await within(all);
  } finally {
    connection.close();
  }
  return { candidates, errors };
}

/** Whether two ends within this page reach each other. */
export async function loopback(configuration) {
  const [one, other] = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)];
  try {
    for (const [here, there] of [[one, other], [other, one]]) {
      here.onicecandidate = ({ candidate }) => candidate && there.addIceCandidate(candidate).catch(() => {});
    }
    const connected = new Promise((resolve) => {
      one.onconnectionstatechange = () => one.connectionState === "connected" && resolve(true);
    });
    one.createDataChannel("probe");
    await one.setLocalDescription();
    await other.setRemoteDescription(one.localDescription);
    await other.setLocalDescription();
    await one.setRemoteDescription(other.localDescription);
    return (await within(connected)) ?? false;
  } finally {
    one.close();
    other.close();
  }
}

/** What is known of cameras without asking the user for one. */
export async function cameras() {
  const devices = globalThis.navigator?.mediaDevices;
  if (!devices) return { supported: false };
  const found = await devices.enumerateDevices().catch(() => []);
  // Not every browser tells of these permissions.
  const permission = await navigator.permissions?.query({ name: "camera" }).catch(() => undefined);
  return { supported: true, cameras: found.filter(({ kind }) => kind === "videoinput").length, permission: permission?.state };
}

/** What the promise says, or undefined where that takes too long. */
export async function within(promise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
