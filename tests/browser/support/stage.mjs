// The tests' own page, with the npm package in it, between a server and a network that breaks when it is told to.

import { launch, open } from "./browser.mjs";
import { Proxy } from "./proxy.mjs";
import { Server, token } from "./server.mjs";

export class Stage {
  /** Starts all of it. `settings` are environment variables of the server, `config` is the text of its configuration file, `flags` are the browser's. */
  static async start({ settings, config, flags } = {}) {
    const stage = new this();
    try {
      stage.server = await Server.start({ settings, config });
      stage.proxy = await Proxy.to(stage.server.port);
      stage.browser = await launch({ flags });
    } catch (error) {
      await stage.end();
      throw error;
    }
    return stage;
  }

  /** Opens a page of its own, as a user of its own: `{ page, trace, token }`. */
  async page(user = `user-${Math.random().toString(36).slice(2)}`) {
    const opened = await open(this.browser, `${this.proxy.url}/stage.html`);
    await opened.page.waitForFunction(() => window.ready);
    return { ...opened, token: token(user) };
  }

  /** Does what takes the page's client off its connection, and waits until it is back. `meanwhile` runs while it is away. */
  async lose(page, { how = () => this.proxy.cut(), meanwhile = () => {} } = {}) {
    await page.evaluate(() => void (window.back = returned(client)));
    await how();
    await page.evaluate(() => window.back.away);
    await meanwhile();
    await page.evaluate(() => window.back.again);
  }

  async end() {
    await this.browser?.close();
    await this.proxy?.close();
    await this.server?.remove();
  }
}
