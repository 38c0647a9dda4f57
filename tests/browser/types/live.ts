// Uses all of what the types say of live video.
import { Client } from "samewire";
import type {
  Broadcast,
  BroadcastStats,
  BroadcastViewer,
  DeviceEvent,
  Diagnosis,
  DiagnosisLeg,
  Live,
  LiveEvent,
  LiveList,
  LiveQuality,
  LiveRecord,
  LiveState,
  LiveStateChange,
  LiveStats,
  Observer,
  RoomStatus,
  SamewireError,
  Watch,
} from "samewire";
import { useBroadcast, useLiveRecord, useWatch } from "samewire/react";

import { exactly } from "./exactly.js";

export async function broadcasting(client: Client, media: MediaStream, track: MediaStreamTrack) {
  exactly<Live>()(client.live);
  const broadcast = client.live.broadcast("shop", media, {
    takeover: true,
    maxViewers: 50,
    title: "Tea",
    info: { price: 3 },
    encodings: [{ rid: "q", scaleResolutionDownBy: 4 }, { rid: "f" }],
    contentHint: "detail",
  });
  exactly<Broadcast>()(broadcast);
  // @ts-expect-error: nothing to show
  client.live.broadcast("shop");
  // @ts-expect-error: no such option
  client.live.broadcast("shop", media, { record: true });
  exactly<void>()(await broadcast.ready);
  exactly<string>()(broadcast.stream);
  exactly<LiveState>()(broadcast.state);
  exactly<"signal" | "media" | undefined>()(broadcast.what);
  exactly<SamewireError | undefined>()(broadcast.error);
  exactly<LiveRecord | undefined>()(broadcast.record);
  exactly<ReadonlyMap<string, BroadcastViewer>>()(broadcast.viewers);
  exactly<BroadcastStats | undefined>()(broadcast.stats);
  exactly<MediaStream>()(broadcast.mediaStream);
  exactly<boolean>()(broadcast.muted.audio);
  const off = broadcast.on("viewers", (viewers) => {
    for (const [id, viewer] of viewers) {
      exactly<string>()(id);
      exactly<"connecting" | "connected" | "reconnecting" | "failed" | "closed">()(viewer.state);
      exactly<LiveStats | undefined>()(viewer.stats);
    }
  });
  off();
  broadcast.on("state", (change) => exactly<LiveStateChange>()(change));
  broadcast.on("stats", (stats) => exactly<number>()(stats.bitrate));
  broadcast.on("muted", ({ audio, video }) => exactly<boolean>()(audio && video));
  broadcast.on("device", (event) => {
    exactly<DeviceEvent>()(event);
    if (event.type !== "changed") exactly<MediaStreamTrack>()(event.track);
  });
  // @ts-expect-error: no such event
  broadcast.on("media", () => {});
  exactly<void>()(await broadcast.replaceTrack(track));
  await broadcast.replaceTrack(media);
  broadcast.mute({ audio: true });
  // @ts-expect-error: the server gives it
  broadcast.viewers.set("v_0", undefined);
  exactly<Diagnosis>()(await broadcast.diagnose());
  exactly<void>()(await broadcast.stop());
  {
    using other = client.live.broadcast("other", media);
    other.on("quality", (quality) => exactly<LiveQuality>()(quality));
  }
}

export async function watching(client: Client, video: HTMLVideoElement) {
  const watch = client.live.watch("shop", { video, wait: false, muted: true });
  exactly<Watch>()(watch);
  client.live.watch("shop");
  // @ts-expect-error: not an element
  client.live.watch("shop", { video: "#video" });
  exactly<string | undefined>()(watch.viewerId);
  exactly<boolean>()(watch.waiting);
  exactly<MediaStream | undefined>()(watch.mediaStream);
  exactly<LiveStats | undefined>()(watch.stats);
  exactly<false | "sound" | "all">()(watch.playbackBlocked);
  watch.on("media", (media) => exactly<MediaStream>()(media));
  watch.on("stats", ({ fps, relay }) => exactly<number | undefined>()(fps) ?? exactly<boolean | undefined>()(relay));
  watch.on("playback", (blocked) => exactly<false | "sound" | "all">()(blocked));
  watch.on("state", ({ state, what, reason, waiting, error }) => {
    exactly<"connecting" | "live" | "reconnecting" | "paused" | "ended" | "failed">()(state);
    exactly<"signal" | "media" | undefined>()(what);
    if (reason !== "left" && reason !== "superseded") exactly<LiveRecord["end_reason"]>()(reason);
    exactly<boolean>()(waiting);
    exactly<SamewireError | undefined>()(error);
  });
  watch.on("event", (event) => {
    exactly<LiveEvent>()(event);
    if (event.name === "viewer_count_changed") exactly<number>()(event.data.viewer_count + event.data.peak_viewers);
    if (event.name === "stream_paused") exactly<string>()(event.data.hold_until);
    // @ts-expect-error: no such event
    if (event.name === "stream_archived") return;
  });
  exactly<boolean>()(await watch.resumePlayback());
  exactly<void>()(watch.retry());
  exactly<void>()(await watch.stop());
}

export async function looking(client: Client) {
  const observer = client.live.observe("shop");
  exactly<Observer>()(observer);
  exactly<void>()(await observer.ready);
  observer.on("record", (record) => exactly<LiveRecord>()(record));
  observer.on("status", (status) => exactly<RoomStatus>()(status));
  // @ts-expect-error: nothing is measured
  observer.on("stats", () => {});
  observer.stop();
  exactly<LiveList>()(await client.live.list({ after: "a", limit: 10 }));
  exactly<LiveRecord>()(await client.live.get("shop"));
  exactly<void>()(await client.live.end("shop"));
  const { ok, legs } = await client.live.diagnose({ stream: "shop" });
  exactly<boolean>()(ok);
  exactly<readonly DiagnosisLeg[]>()(legs);
  exactly<boolean | null | undefined>()(legs[0]?.ok);
}

export function Component({ client, media }: { client: Client; media: MediaStream | undefined }) {
  const { video, watch, state, waiting, record } = useWatch(client, "shop", { muted: true });
  exactly<{ current: HTMLVideoElement | null }>()(video);
  exactly<Watch | undefined>()(watch);
  exactly<LiveState>()(state);
  exactly<boolean>()(waiting);
  exactly<LiveRecord | undefined>()(record);
  const { broadcast, viewers } = useBroadcast(client, "shop", media, { title: "Tea" });
  exactly<Broadcast | undefined>()(broadcast);
  exactly<number>()(viewers.size);
  exactly<LiveRecord | undefined>()(useLiveRecord(client, undefined).record);
}
