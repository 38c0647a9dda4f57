// The client of an app on Metacom, which keeps both of the package's transports: calls go over HTTP, and the WebSocket is there for streams.

import { Metacom } from "/npm/metacom.js";

export class Client {
  constructor({ apiUrl, wsUrl, preferWebSocket, autoConnectWebSocket }) {
    this.http = Metacom.create(apiUrl);
    this.ws = autoConnectWebSocket ? Metacom.create(wsUrl) : null;
    this.preferred = preferWebSocket ? this.ws : this.http;
    this.wsTransport = {
      call: (method, args) => {
        const [unit, name] = method.split("/");
        return this.ws.scaffold(unit)(name)(args);
      },
    };
  }

  get api() {
    return this.preferred.api;
  }

  async load(...units) {
    await Promise.all([this.http.load(...units), this.ws?.load(...units)]);
  }

  createBlobUploader(blob) {
    return this.ws.createBlobUploader(blob);
  }
}
