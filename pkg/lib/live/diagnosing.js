// Which leg of the way fails. What is seen is gathered here; what follows from it the wasm knows.
import { enter, start } from "../load.js";
import { cameras, gather, loopback, within } from "./probes.js";

/** `part`: what works behind a broadcast or a watch, where it is that which is diagnosed. */
export async function diagnose(client, stream, part) {
  const glue = await start();
  const seen = [];
  const see = (kind, observation) => seen.push({ kind, ...observation });
  const webrtc = typeof RTCPeerConnection === "function";
  see("page", { secure: globalThis.isSecureContext === true, webrtc });
  // One that is on its way is waited for, but who was cut off is not called back.
  if (client.state === "idle" || client.state === "connecting") await within(client.connect().catch(() => {}));
  see("session", { state: client.state });
  see("camera", await cameras());
  if (webrtc) {
    const ice = client.state === "live" || part ? await within(iceOf(client, stream, part)) : undefined;
    see("servers", { known: ice !== undefined });
    const looks = (ice?.ice_servers ?? []).map(async (server) => see("server", { urls: server.urls, ...(await looked(() => gather({ iceServers: [server] }))) }));
    looks.push(looked(() => gather({})).then((found) => see("host", found)));
    looks.push(looked(async () => ({ connected: await loopback({}) })).then((found) => see("loopback", found)));
    await Promise.all(looks);
  }
  if (part) see("media", part.observed);
  return enter(() => {
    const diagnosis = new glue.Diagnosis();
    try {
      for (const observation of seen) diagnosis.add(observation);
      return diagnosis.told();
    } finally {
      diagnosis.free();
    }
  });
}

async function looked(look) {
  try {
    return await look();
  } catch (error) {
    return { error: error.message };
  }
}

/** The servers that a part has, or that a member of the stream's room is given. Where there are none to be had, the leg of the session tells why. */
async function iceOf(client, stream, part) {
  if (part) return part.ice().catch(() => undefined);
  if (stream === undefined) return undefined;
  const room = client.join(`live:${stream}`, { presence: false });
  try {
    await room.ready;
    return await client.wsTransport.call("live/ice", { stream });
  } catch {
    return undefined;
  } finally {
    room.leave();
  }
}
