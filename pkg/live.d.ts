// Live video: broadcasts, those who watch them, and those who only follow their counts.
import type { SamewireError } from "./index.js";
import type { RoomStatus } from "./rooms.js";

/** `client.live`: live streams, from browser to browser. Nothing of it is loaded before it is used. */
export interface Live {
  /**
   * Shows a camera, a screen or a canvas to whoever watches the stream, over a connection of its own to each of them. `media` stays the
   * app's: it is neither stopped nor changed, but for {@link Broadcast.mute} and {@link BroadcastOptions.contentHint}.
   * @throws {SamewireError} `no-tracks` where there is neither video nor sound in it; `conflict` where this client broadcasts or watches
   * the stream already, until that is stopped, or says that it is over.
   */
  broadcast(stream: string, media: MediaStream, options?: BroadcastOptions): Broadcast;
  /**
   * Watches a stream: in a `<video>`, or as the {@link Watch.mediaStream}.
   * @throws {SamewireError} `conflict` as {@link Live.broadcast}.
   */
  watch(stream: string, options?: WatchOptions): Watch;
  /** Follows a stream's record and events, counts included, without watching it: whoever does so is not counted. */
  observe(stream: string): Observer;
  /** The streams that the client may see, by name: a page of 100, or of `limit`. */
  list(page?: { after?: string; limit?: number }): Promise<LiveList>;
  /** The record of one stream. */
  get(stream: string): Promise<LiveRecord>;
  /** Ends somebody's broadcast: for whoever may broadcast the stream. */
  end(stream: string): Promise<void>;
  /**
   * Finds out which leg of the way fails. Takes a few seconds. Default: of the stream that this client began last to broadcast or to watch;
   * where there is none, all that can be told without a stream, which is nothing of the ICE servers.
   */
  diagnose(options?: { stream?: string }): Promise<Diagnosis>;
}

/** What the server says of a stream, to everybody in the same words. */
export interface LiveRecord {
  readonly stream_id: string;
  /** `offline`: nobody has broadcast it yet. `paused`: its broadcaster is away, and the place is held until `hold_until`. */
  readonly state: "offline" | "live" | "paused" | "ended";
  /** The user who broadcasts it. */
  readonly broadcaster?: string;
  readonly title?: string;
  /** What its broadcaster says of it. */
  readonly info?: any;
  /** What it carries. */
  readonly media?: { readonly audio: boolean; readonly video: boolean };
  readonly viewer_count: number;
  /** The most viewers since it started. */
  readonly peak_viewers: number;
  readonly max_viewers: number;
  /** Times are as in `2026-01-31T08:15:30.250Z`. */
  readonly started_at?: string;
  readonly paused_at?: string;
  readonly hold_until?: string;
  readonly ended_at?: string;
  readonly end_reason?: LiveEndReason;
  readonly quality?: LiveQuality;
  /** When the record was last changed. */
  readonly timestamp: string;
}

export type LiveEndReason =
  /** Its broadcaster ended it. */
  | "stopped"
  /** Its broadcaster did not come back. */
  | "broadcaster-gone"
  /** {@link Live.end}, or the server's operator. */
  | "ended-by-operator"
  /** Its broadcaster may not broadcast it any more. */
  | "grant-ended";

/** What the broadcaster sends at the moment. */
export interface LiveQuality {
  readonly level: "high" | "medium" | "low";
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  /** In bits a second. */
  readonly bitrate?: number;
  /** What keeps it from being better. */
  readonly limited_by?: "bandwidth" | "cpu" | "none" | "other";
}

export interface LiveList {
  streams: LiveRecord[];
  /** Whether there may be more behind them. */
  more: boolean;
  /** What to pass as `after` then. A page may be short, or empty, where the server has looked at very many streams for it. */
  next?: string;
}

/** What happens to a stream, as everybody in its room hears it. Each has changed the record, too. */
export interface LiveEvents {
  stream_started: { stream_id: string; broadcaster?: string; timestamp: string };
  /** Its broadcaster is away; the place is held. Video that still flows goes on. */
  stream_paused: { stream_id: string; hold_until: string; timestamp: string };
  stream_resumed: { stream_id: string; timestamp: string };
  /** Another session broadcasts it, or its title, info, media or cap is another. The record has them. */
  stream_changed: { stream_id: string; broadcaster?: string; timestamp: string };
  stream_ended: { stream_id: string; reason: LiveEndReason; timestamp: string };
  /** At most twice a second in big streams, less often in very big ones; the last value is always told. */
  viewer_count_changed: { stream_id: string; viewer_count: number; peak_viewers: number; timestamp: string };
  quality_changed: { stream_id: string; quality: LiveQuality; timestamp: string };
}

export type LiveEvent = {
  [Name in keyof LiveEvents]: { readonly name: Name; readonly data: LiveEvents[Name] };
}[keyof LiveEvents];

/** Where a broadcast or a watch stands. */
export type LiveState =
  /** Not there yet. A watch also while nobody broadcasts, see {@link LiveStateChange.waiting}. */
  | "connecting"
  /** Broadcasting; or frames arrive. */
  | "live"
  /** Something is lost and is being restored, see {@link LiveStateChange.what}. The last frame stays on the screen. */
  | "reconnecting"
  /** The broadcaster is away, and is waited for. */
  | "paused"
  /** Over, see {@link LiveStateChange.reason}. A watch that waits goes on when the stream starts again. */
  | "ended"
  /** Given up: the error says what to do. {@link Watch.retry} tries again. */
  | "failed";

export interface LiveStateChange {
  readonly state: LiveState;
  /** With `reconnecting`: the link to the server, or the way of the frames. */
  readonly what?: "signal" | "media" | undefined;
  /** With `ended`: why. `superseded`: another session broadcasts in this one's place; `left`: the app stopped it. */
  readonly reason?: LiveEndReason | "superseded" | "left" | undefined;
  /** With `connecting`: whether nobody broadcasts yet, and that is what is waited for. */
  readonly waiting: boolean;
  /** With `failed`: why, and what to do. */
  readonly error?: SamewireError | undefined;
}

/** What can be measured of one connection, over the last second. What a browser does not tell is absent. */
export interface LiveStats {
  /** Of video and sound, in bits a second. */
  readonly bitrate?: number;
  /** Frames a second: decoded where it is watched, encoded where it is broadcast. */
  readonly fps?: number;
  /** All frames so far, also over connections that this one took the place of. */
  readonly frames?: number;
  /** How often the picture stood still so far, and for how long in all, in seconds. */
  readonly freezes?: number;
  readonly freeze_seconds?: number;
  /** Packets that were lost in this second. */
  readonly packets_lost?: number;
  /** The round trip, in milliseconds. */
  readonly round_trip_ms?: number;
  /** How long what arrives waits to be played, in milliseconds. */
  readonly jitter_buffer_ms?: number;
  /** Whether it goes through a TURN server. */
  readonly relay?: boolean;
  /** The size of the picture. */
  readonly width?: number;
  readonly height?: number;
  /** What keeps the broadcaster's picture from being better. */
  readonly limited_by?: "bandwidth" | "cpu" | "none" | "other";
}

export interface BroadcastOptions {
  /** Whether to take the stream from another user who broadcasts it. From another session of the same user it is taken always. Default `false`. */
  takeover?: boolean | undefined;
  /** How many viewers it may have. Default and most: the server's choice. */
  maxViewers?: number | undefined;
  /** 128 characters at most. */
  title?: string | undefined;
  /** What viewers are told beside it: any JSON, 1 KiB at most. */
  info?: unknown;
  /**
   * How the picture is encoded for each viewer. Default: as the browser chooses, in one encoding. Of several (simulcast) a viewer takes the
   * first one, peer to peer: the one that counts comes first.
   */
  encodings?: RTCRtpEncodingParameters[] | undefined;
  /** What the picture is like: `motion` keeps frames, `detail` and `text` keep sharpness. Set on its track, and left there. Default: what that says. */
  contentHint?: "motion" | "detail" | "text" | undefined;
  /** What the picture loses first where not all of it can be sent. Default: the browser's choice. */
  degradationPreference?: "maintain-framerate" | "maintain-resolution" | "balanced" | undefined;
}

/** What a broadcast, a watch and an observer tell alike. */
interface LiveHandleEvents {
  /** The server's record, after a change. */
  record: LiveRecord;
  event: LiveEvent;
  quality: LiveQuality;
}

export interface ObserverEvents extends LiveHandleEvents {
  /** Where it stands with the stream's room. */
  status: RoomStatus;
}

export interface BroadcastEvents extends LiveHandleEvents {
  state: LiveStateChange;
  /** Who watches, and how that goes. */
  viewers: ReadonlyMap<string, BroadcastViewer>;
  /** Told each second. */
  stats: BroadcastStats;
  device: DeviceEvent;
  /** {@link Broadcast.muted} changed. */
  muted: Broadcast["muted"];
}

/** One viewer, as its broadcaster sees it. */
export interface BroadcastViewer {
  /** `v_` and 16 hexadecimal digits. Given by the server, and never to anybody else. */
  readonly id: string;
  /** Absent where it is anonymous. */
  readonly user?: string | undefined;
  /** Where the connection to it stands. */
  readonly state: "connecting" | "connected" | "reconnecting" | "failed" | "closed";
  /** With `failed`: why. */
  readonly error?: SamewireError | undefined;
  readonly stats?: LiveStats | undefined;
}

/** What goes out in all. */
export interface BroadcastStats {
  /** To all viewers together, in bits a second. */
  readonly bitrate: number;
  /** Viewers whose connection stands. */
  readonly connected: number;
  /** The best that is sent to anybody. */
  readonly fps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly limited_by?: "bandwidth" | "cpu" | "none" | "other";
}

/** What happened to the camera or the microphone. */
export type DeviceEvent =
  /** A track of this kind ended: unplugged, or its permission was taken. {@link Broadcast.replaceTrack} puts another one in its place. */
  | { readonly type: "ended"; readonly kind: "audio" | "video"; readonly track: MediaStreamTrack }
  /** The device gives nothing at the moment, or gives again. */
  | { readonly type: "silent" | "resumed"; readonly kind: "audio" | "video"; readonly track: MediaStreamTrack }
  /** Devices came or went: look at `navigator.mediaDevices.enumerateDevices()`. */
  | { readonly type: "changed" };

/** A stream that this client broadcasts. It goes on by itself after a cut, and after a restart of the server. */
export interface Broadcast {
  readonly stream: string;
  /** Resolves when viewers can come; rejects with the refusal. */
  readonly ready: Promise<void>;
  readonly state: LiveState;
  readonly what: LiveStateChange["what"];
  readonly reason: LiveStateChange["reason"];
  /** Why it failed. */
  readonly error: SamewireError | undefined;
  /** Absent before the room of the stream is joined. */
  readonly record: LiveRecord | undefined;
  /**
   * By id, in the order in which they came. A new Map after each change. A viewer whose session was given up is not among them any more,
   * and is sent on what it is sent for as long as it can be reached.
   */
  readonly viewers: ReadonlyMap<string, BroadcastViewer>;
  /** Absent before the first second. */
  readonly stats: BroadcastStats | undefined;
  /** What is sent now. */
  readonly mediaStream: MediaStream;
  readonly muted: { readonly audio: boolean; readonly video: boolean };

  on<Type extends keyof BroadcastEvents>(type: Type, listener: (event: BroadcastEvents[Type]) => void): () => void;

  /**
   * Sends another track in place of the one of its kind, to all viewers, without a new connection: another camera, or a screen. Of a
   * MediaStream, the first track of each kind. Resolves when the old ones are sent to nobody any more. Rejects with `no-tracks`, and
   * replaces none, where the broadcast began without one of these kinds.
   */
  replaceTrack(track: MediaStreamTrack | MediaStream): Promise<void>;
  /**
   * Silences or blackens what is sent: by the tracks' `enabled`, so in the preview too. What is not named stays as it is. A track that is
   * sent no longer, or not muted any more, is as it was before.
   */
  mute(what: { audio?: boolean; video?: boolean }): void;
  /** Ends the broadcast, for everybody. The app's tracks go on. Resolves when the server has heard of it. */
  stop(): Promise<void>;
  diagnose(): Promise<Diagnosis>;
  /** `using` stops it. */
  [Symbol.dispose](): void;
}

export interface WatchOptions {
  /** Where to show it. The element is given its `srcObject`, and is played, with `playsInline`. */
  video?: HTMLVideoElement | undefined;
  /** Whether to wait where nobody broadcasts yet, and for the stream to start again when it ended. With `false` it fails with `live-not-found`. Default `true`. */
  wait?: boolean | undefined;
  /** Whether to begin without sound, which browsers let any page do. Default: as the element is. */
  muted?: boolean | undefined;
}

export interface WatchEvents extends LiveHandleEvents {
  state: LiveStateChange;
  /** The media that arrive, whenever they come over another connection. */
  media: MediaStream;
  /** Told each second. */
  stats: LiveStats;
  /** {@link Watch.playbackBlocked} changed. */
  playback: Watch["playbackBlocked"];
}

/** A stream that this client watches. It goes on by itself after a cut, and after a restart of the server. */
export interface Watch {
  readonly stream: string;
  readonly state: LiveState;
  readonly what: LiveStateChange["what"];
  readonly reason: LiveStateChange["reason"];
  readonly waiting: boolean;
  /** Why it failed. */
  readonly error: SamewireError | undefined;
  /** Absent before the room of the stream is joined. */
  readonly record: LiveRecord | undefined;
  /** `v_` and 16 hexadecimal digits. Absent until it is let in. */
  readonly viewerId: string | undefined;
  /** Absent until media arrive. */
  readonly mediaStream: MediaStream | undefined;
  /** Absent before the first second. */
  readonly stats: LiveStats | undefined;
  /** What the browser wants a gesture for: `sound` where it plays without, `all` where it does not play. */
  readonly playbackBlocked: false | "sound" | "all";

  on<Type extends keyof WatchEvents>(type: Type, listener: (event: WatchEvents[Type]) => void): () => void;

  /** Plays, with sound unless it was asked to be muted. Call it from a click's listener. Resolves with whether that is so now: not before media arrive. */
  resumePlayback(): Promise<boolean>;
  /** Tries again after `failed`, from where it failed on: the load, the stream's room, the place as a viewer. Otherwise makes a new connection. */
  retry(): void;
  /** Ends it, and takes it off the element. Resolves when the server has heard of it, or cannot hear. */
  stop(): Promise<void>;
  diagnose(): Promise<Diagnosis>;
  /** `using` stops it. */
  [Symbol.dispose](): void;
}

/** Follows a stream's record and events. */
export interface Observer {
  readonly stream: string;
  /** Resolves when the record is there; rejects with the refusal. */
  readonly ready: Promise<void>;
  /** Absent before the room of the stream is joined. */
  readonly record: LiveRecord | undefined;
  /** Why it cannot be followed, or no longer. */
  readonly error: SamewireError | undefined;
  on<Type extends keyof ObserverEvents>(type: Type, listener: (event: ObserverEvents[Type]) => void): () => void;
  stop(): void;
  /** `using` stops it. */
  [Symbol.dispose](): void;
}

/** What stands between a broadcaster and a viewer, leg by leg. */
export interface Diagnosis {
  /** Whether no leg fails. */
  readonly ok: boolean;
  readonly legs: readonly DiagnosisLeg[];
}

export interface DiagnosisLeg {
  /** The page, the session with the server, the camera, each kind of ICE server, UDP at all, a connection within this page, and the stream's media. */
  readonly leg: "page" | "session" | "camera" | "stun" | "turn" | "udp" | "peer" | "media";
  /** `null`: it cannot be told, or there is nothing to look at. */
  readonly ok: boolean | null;
  /** What was found, and what to do about it, for people. */
  readonly told: string;
}
