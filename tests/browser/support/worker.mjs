// A worker outside of the server that processes files when a test says so.

import assert from "node:assert/strict";

/** What a server's configuration needs so that workers may come in and get files of this media type. */
export const KEY = "a key of these tests, of 32 bytes or more";
export const workers = (kind, media) => `
[[api_keys]]
name = "worker"
key = "${KEY}"

[[jobs.external]]
kind = "${kind}"
media = ["${media}"]
`;

export class Worker {
  #url;

  constructor(url) {
    this.#url = url;
  }

  /** Takes the next job of this kind, once there is one. */
  async claim(kind) {
    const { job } = await this.#post("claim", { kinds: [kind], worker: "test", wait: 20_000 });
    const say = (what, body = {}) => this.#post(`${job.id}/${what}`, { lease: job.lease, ...body });
    return {
      ...job,
      progress: (progress, stage) => say("progress", { progress, stage }),
      part: (name, media, bytes) => this.#ask("PUT", `${job.id}/parts/${name}`, bytes, { "content-type": media, "samewire-lease": job.lease }),
      complete: () => say("complete"),
      fail: (reason, retry = false) => say("fail", { reason, retry }),
    };
  }

  async #post(path, body) {
    const answer = await this.#ask("POST", path, JSON.stringify(body), { "content-type": "application/json" });
    assert.notEqual(answer.status, 204, "there was no job");
    const text = await answer.text();
    return text && JSON.parse(text);
  }

  async #ask(method, path, body, headers) {
    const answer = await fetch(`${this.#url}/api/jobs/${path}`, { method, body, headers: { authorization: `Bearer ${KEY}`, ...headers } });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
}
