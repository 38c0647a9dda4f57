// Uses all of what the types say of rooms.
import { Client } from "samewire";
import type {
  FileRecord,
  History,
  MergePatch,
  Presence,
  PresenceChange,
  PresenceEntry,
  Published,
  Recovery,
  Room,
  RoomEvent,
  RoomStatus,
  SamewireError,
  Signal,
} from "samewire";
import { useClientState, useFile, useRoom } from "samewire/react";

import { exactly } from "./exactly.js";

interface Board {
  title: string;
  cards: { [id: string]: { text: string; done?: boolean } };
  tags: string[];
}

interface BoardEvents {
  moved: { card: string; to: number };
  drawn: Uint8Array;
  typing: undefined;
}

export async function joining(client: Client) {
  const any = client.join("chat:42");
  exactly<any>()(any.state);
  any.publish("whatever", { you: ["like"] });
  any.on("event", ({ name, data }) => exactly<string>()(name) ?? exactly<any>()(data));
  client.join("chat:42", { presence: false, info: { colour: "green" }, echo: false });
  // @ts-expect-error: no such option
  client.join("chat:42", { history: 3 });
  // @ts-expect-error: a name is a text
  client.join(42);
  {
    using room = client.join("chat:42");
    room.leave();
  }

  const room: Room<Board, BoardEvents> = client.join<Board, BoardEvents>("board:1");
  exactly<void>()(await room.ready);
  exactly<string>()(room.name);
  exactly<RoomStatus>()(room.status);
  exactly<SamewireError | undefined>()(room.error);
  exactly<string | undefined>()(room.role);
  exactly<number | undefined>()(room.member);
  exactly<string | undefined>()(room.epoch);
  exactly<number>()(room.offset);
  exactly<Board | null | undefined>()(room.state);
  exactly<Presence>()(room.presence);
  exactly<PresenceEntry | undefined>()(room.presence.entries.get("ada"));
  exactly<boolean | undefined>()(room.recovered);
  exactly<number | null>()(room.lost);
  // @ts-expect-error: the room keeps its state itself
  room.state = undefined;
}

export async function hearing(room: Room<Board, BoardEvents>) {
  const off = room.on("event", (event) => {
    exactly<RoomEvent<BoardEvents>>()(event);
    exactly<number>()(event.at);
    exactly<boolean>()(event.own);
    exactly<number | undefined>()(event.from);
    exactly<number | undefined>()(event.offset);
    if (event.name === "moved") exactly<string>()(event.data.card);
    else if (event.name === "drawn") exactly<Uint8Array>()(event.data);
    else exactly<undefined>()(event.data);
  });
  off();
  room.on("state", (state) => exactly<Board | null>()(state));
  room.on("presence", (change) => exactly<PresenceChange>()(change) ?? exactly<PresenceEntry[]>()(change.joined));
  room.on("signal", (signal) => exactly<Signal>()(signal) ?? exactly<number>()(signal.seq));
  room.on("status", (status) => exactly<"joining" | "joined" | "away" | "left">()(status));
  room.on("recovery", (recovery) => exactly<Recovery>()(recovery));
  // @ts-expect-error: no such event
  room.on("message", () => {});
  for await (const event of room) {
    exactly<RoomEvent<BoardEvents>>()(event);
    if (event.name === "moved") break;
  }
}

export async function telling(room: Room<Board, BoardEvents>) {
  const options = { key: "a-7", expected: 7, signal: AbortSignal.timeout(1_000), timeout: null };
  exactly<Published>()(await room.publish("moved", { card: "a", to: 3 }, options));
  await room.publish("typing");
  await room.publish("drawn", new Uint8Array(3));
  await room.publish("drawn", new ArrayBuffer(3));
  await room.publish("moved", { card: "a", to: 3 }, { patch: { cards: { a: null } } });
  // @ts-expect-error: no such event
  room.publish("shouted", {});
  // @ts-expect-error: something else is told by it
  room.publish("moved", { card: 7 });

  exactly<Published>()(await room.patch({ title: "Tea", cards: { a: { done: true }, b: null }, tags: ["x"] }, { name: "retitled" }));
  // @ts-expect-error: arrays are replaced, not patched
  room.patch({ tags: { 0: "x" } });
  // @ts-expect-error: a title is a text
  room.patch({ title: 7 });
  exactly<Published>()(await room.replace({ title: "Tea", cards: {}, tags: [] }, { expected: 3, name: "reset" }));
  // @ts-expect-error: not all of it
  room.replace({ title: "Tea" });

  exactly<void>()(room.cast("typing", undefined, { key: "caret", every: 100 }));
  room.cast("typing");
  exactly<{ delivered: number; held: number }>()(await room.send(7, "hint", { look: "here" }));
  room.send("ada", "hint");
  room.send({ role: "controller" }, "request-sync", new Uint8Array(3));
  // @ts-expect-error: nobody is meant
  room.send({}, "hint");

  const page: History<BoardEvents> = await room.history({ after: 3, before: 9, limit: 100 });
  exactly<boolean>()(page.more);
  exactly<number>()(page.first + page.last);
  for (const event of (await room.history()).events) exactly<RoomEvent<BoardEvents>>()(event);
}

export const patch: MergePatch<Board> = { cards: { a: { text: "x", done: null } } };

export function Component({ client }: { client: Client }) {
  useClientState(client);
  const { room, status, state, presence } = useRoom<Board, BoardEvents>(client, "board:1", { info: "x" });
  exactly<Room<Board, BoardEvents> | undefined>()(room);
  exactly<RoomStatus>()(status);
  exactly<Board | null | undefined>()(state);
  exactly<number>()(presence.users);
  useRoom(client, undefined);
  const stored = useFile(client, undefined);
  exactly<FileRecord | undefined>()(stored.file);
  exactly<number | undefined>()(stored.progress);
  // @ts-expect-error: an id is a text
  useFile(client, 7);
  return room?.on("event", ({ name }) => name);
}
