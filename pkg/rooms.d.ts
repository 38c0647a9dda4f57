// Rooms, which a client joins.
import type { Bytes, SamewireError } from "./index.js";

export interface JoinOptions {
  /** Whether the handle wants to know who is in the room. Default `true`. */
  presence?: boolean | undefined;
  /** What the others see beside your name in the presence: any JSON, 1 KiB at most. */
  info?: unknown;
  /** Whether the handle hears the events that it published itself. Default `true`. */
  echo?: boolean | undefined;
}

/** Where a membership stands. */
export type RoomStatus =
  /** Not joined yet. */
  | "joining"
  /** In the room. */
  | "joined"
  /** The connection is lost. The room is joined again by itself, and what was missed is caught up with. */
  | "away"
  /** Over: left by the app, or refused or ended by the server, which {@link Room.error} tells. */
  | "left";

/** What a room's event carries: any JSON, or bytes, which arrive as a Uint8Array. */
type Sent<Data> = Data extends Uint8Array ? Bytes : Data;

/** What happened in a room. */
export type RoomEvent<Events extends object = Record<string, any>> = {
  [Name in Extract<keyof Events, string>]: RoomMessage<Name, Events[Name]> & {
    /** Where it stands in the room's history. Absent for what is not kept. */
    readonly offset?: number;
    /** The JSON merge patch (RFC 7396) that it was on the state. */
    readonly patch?: unknown;
    /** The whole state that it set. */
    readonly state?: unknown;
  };
}[Extract<keyof Events, string>];

/** What a member sent to this one alone. */
export type Signal = RoomMessage<string, any> & {
  /** Rises with each signal to this membership. */
  readonly seq: number;
};

export interface RoomMessage<Name extends string, Data> {
  readonly name: Name;
  readonly data: Data;
  /** The member that sent it. Absent where the room hides its senders, and for what a server sent. */
  readonly from?: number;
  /** The user behind it. */
  readonly user?: string;
  /** When the server took it, in milliseconds since 1970-01-01 UTC. */
  readonly at: number;
  /** Whether this membership sent it. */
  readonly own: boolean;
  /** The key that its sender gave it. */
  readonly key?: string;
}

/** Somebody in a room: a user, or where the room tells its members apart, a member. */
export interface PresenceEntry {
  /** The user's id, or the member's number as text. */
  readonly id: string;
  readonly user?: string;
  readonly member?: number;
  readonly role?: string;
  /** What they gave when they joined. */
  readonly info?: any;
}

export interface Presence {
  /** By id, in the order in which they came. Only counts are told in rooms of more than 200 and where the room's kind says so. */
  readonly entries: ReadonlyMap<string, PresenceEntry>;
  readonly users: number;
  readonly members: number;
}

export interface PresenceChange extends Presence {
  readonly joined: PresenceEntry[];
  readonly left: PresenceEntry[];
  readonly updated: PresenceEntry[];
}

export interface Recovery {
  /** Whether all that happened meanwhile follows, without a gap and without a duplicate. */
  recovered: boolean;
  /** How many events were lost; `null` when that cannot be told. */
  lost: number | null;
}

export interface RoomEvents<State, Events extends object> {
  event: RoomEvent<Events>;
  /** The state after a change; `null` where none was set yet. */
  state: State | null;
  presence: PresenceChange;
  signal: Signal;
  status: RoomStatus;
  /** Told after each reconnect; when this client was too slow for the room; and when nobody reads an iterator of this handle. */
  recovery: Recovery;
}

/** Who is meant: a member by number, a user by id, or everybody of a role. */
export type Recipient = number | string | { member: number } | { user: string } | { role: string };

/** What the room has taken. */
export interface Published {
  offset: number;
  epoch: string;
  /** Whether it had been published before, under the same key, and so was not sent again. */
  duplicate: boolean;
}

export interface PublishOptions {
  /** What makes a repetition harmless, 64 bytes at most. Default: random, so that what is sent again after a cut counts once. */
  key?: string | undefined;
  /** Publish only if the room's newest event has this offset, else reject with `conflict` and `data: { offset }`. */
  expected?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Milliseconds. Default 30,000; `null`: none. Before that, a room that is not joined is waited for as long. */
  timeout?: number | null | undefined;
}

/** Part of an object: what is `null` is removed. */
export type MergePatch<T> = T extends readonly unknown[] ? T : T extends object ? { [Name in keyof T]?: MergePatch<T[Name]> | null } : T;

/**
 * A handle of a room. Its `state` and `presence` are kept as the room has them: neither is ever changed in place, so a copy of the
 * reference is a copy of the moment.
 */
export interface Room<State = any, Events extends object = Record<string, any>> extends AsyncIterable<RoomEvent<Events>> {
  /** `kind:name`. */
  readonly name: string;
  /** Resolves when the room is joined for the first time; rejects with the refusal. */
  readonly ready: Promise<void>;
  readonly status: RoomStatus;
  /** Why the room is left, unless the app left it. */
  readonly error: SamewireError | undefined;
  /** What the server lets you be here. Absent before the room is joined, as are `member` and `epoch`. */
  readonly role: string | undefined;
  /** Your number here. */
  readonly member: number | undefined;
  /** Which life of the room this is: offsets of another one mean nothing here. */
  readonly epoch: string | undefined;
  /** The offset of the newest event that this membership heard. */
  readonly offset: number;
  /** `null` where none was set yet; `undefined` before the room is joined, and in rooms without a state. */
  readonly state: State | null | undefined;
  readonly presence: Presence;
  /** Whether the last reconnect brought all that was missed. Absent before the first one. */
  readonly recovered: boolean | undefined;
  /** How many events this handle has missed in all; `null` when that cannot be told. */
  readonly lost: number | null;

  /** Calls the listener for each event, until the returned function is called. */
  on<Type extends keyof RoomEvents<State, Events>>(
    type: Type,
    listener: (event: RoomEvents<State, Events>[Type]) => void,
  ): () => void;

  /**
   * The events from now on; the first iterator begins with those that came since the room was joined. Ends when the room is left, with
   * the error if there is one. Holds 1,024 events for a reader that is slow, then drops the oldest, which `lost` counts.
   */
  [Symbol.asyncIterator](): AsyncGenerator<RoomEvent<Events>, void, undefined>;

  /** Publishes an event that the room keeps in its history. Resolves when it is taken, and this handle has heard it too. */
  publish<Name extends Extract<keyof Events, string>>(
    name: Name,
    data?: Sent<Events[Name]>,
    options?: PublishOptions & { patch?: MergePatch<State> },
  ): Promise<Published>;

  /**
   * Changes the state by a JSON merge patch (RFC 7396). While one is under way those that follow become one. `name` is the event's,
   * default `state`.
   */
  patch(patch: MergePatch<State>, options?: { name?: string }): Promise<Published>;

  /** Puts a whole new state in the place of the old one. */
  replace(state: State, options?: PublishOptions & { name?: string }): Promise<Published>;

  /**
   * Tells the others who are there now. It is not kept, and nobody says whether it arrived; without a connection nothing is sent.
   * `every`: at most one in so many milliseconds for each name and key, the latest wins. Default 0: all of them.
   */
  cast<Name extends Extract<keyof Events, string>>(
    name: Name,
    data?: Sent<Events[Name]>,
    options?: { key?: string; every?: number },
  ): void;

  /** Sends a signal to some members alone. One whose connection is being restored has it held for a while. */
  send(to: Recipient, name: string, data?: unknown): Promise<{ delivered: number; held: number }>;

  /** A page of the kept events, the oldest first: those after or before an offset, or the newest. */
  history(page?: { after?: number; before?: number; limit?: number }): Promise<History<Events>>;

  /** Gives this handle up; the last one leaves the room. */
  leave(): void;

  /** `using room = client.join(…)` leaves it. */
  [Symbol.dispose](): void;
}

export interface History<Events extends object = Record<string, any>> {
  epoch: string;
  /** The offsets of the oldest and the newest event that the room keeps. */
  first: number;
  last: number;
  events: RoomEvent<Events>[];
  /** Whether there are more in this direction. */
  more: boolean;
}
