// The HTTP calls of a server: notice, consent, identity.

/** An answer of the server that is not the one hoped for. */
export class TempogateError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.name = "TempogateError";
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.reason = problem.reason ?? "";
    this.retryAfter = 0;
  }
}

/** The calls, for one person at one server. */
export class Tempogate {
  /** The address of the server, without a slash at its end. */
  url;
  /** The bearer token; empty for calls that need none. */
  token;

  constructor({ url = globalThis.location?.origin, token = "" } = {}) {
    this.url = String(url).replace(/\/+$/, "");
    this.token = token;
  }

  /** The current notice, in the best language that there is. */
  notice(language = "") {
    return this.#call("GET", "/v1/notice" + (language && `?language=${encodeURIComponent(language)}`));
  }

  /** What is different in the current notice from an earlier version. */
  noticeChanges(from) {
    return this.#call("GET", `/v1/notice/changes?from=${encodeURIComponent(from)}`);
  }

  /**
   * An identity for this device alone, where the operator gives them out. The
   * token is used from now on; keep it to be the same person next time.
   */
  async newIdentity() {
    const identity = await this.#call("POST", "/v1/identity");
    this.token = identity.token;
    return identity;
  }

  /** Says yes to a notice that was shown. Returns the signed receipt. */
  grant(notice, categories, recipients = []) {
    return this.#call("PUT", "/v1/consent", {
      notice_version: notice.version, notice_sha256: notice.sha256, categories, recipients,
    });
  }

  /** Says no, so that nobody has to be asked again. Returns the receipt. */
  refuse(notice) {
    return this.#call("PUT", "/v1/consent", {
      notice_version: notice.version, notice_sha256: notice.sha256, refused: true,
    });
  }

  /** Where the consent stands; null when nobody has asked yet. */
  async consent() {
    try {
      return await this.#call("GET", "/v1/consent");
    } catch (error) {
      if (error.code === "never_asked") return null;
      throw error;
    }
  }

  /** Takes consent back, all of it when no category is named. */
  withdraw(...categories) {
    const query = categories.map((c) => `category=${encodeURIComponent(c)}`).join("&");
    return this.#call("DELETE", "/v1/consent" + (query && `?${query}`));
  }

  /** Every change of the consent, oldest first. */
  history() { return this.#call("GET", "/v1/consent/history"); }

  /** The newest receipt. */
  receipt() { return this.#call("GET", "/v1/consent/receipt"); }

  /** All that the server keeps of the person. */
  export() { return this.#call("GET", "/v1/consent/export"); }

  /** How many readings of the person the server holds in memory right now. */
  held() { return this.#call("GET", "/v1/held"); }

  /** A link that an app which can only push sends readings to. */
  newPushLink() { return this.#call("POST", "/v1/push"); }

  /** What comes in over such links, and the newest estimate. */
  pushed() { return this.#call("GET", "/v1/push"); }

  async #call(method, path, body) {
    const headers = {};
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (body) headers["Content-Type"] = "application/json";
    const response = await fetch(this.url + path, {
      method, headers, body: body && JSON.stringify(body), cache: "no-store", credentials: "omit",
    });
    if (!response.ok) {
      const error = new TempogateError(response.status, await response.json().catch(() => ({})));
      error.retryAfter = Number(response.headers.get("Retry-After")) || 0;
      throw error;
    }
    return response.status === 204 ? undefined : response.json();
  }
}
