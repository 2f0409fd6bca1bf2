/** TLS sessions of upstreams (RFC 8446 §2.2), so that the next connection to one needs no full handshake. */

/** As many as `https.Agent` keeps. The one that was kept first gives way. */
const most = 100

/**
 * Belongs to one gateway: its connections trust the same authorities and show the same certificate. What tells them apart
 * is the address, and with it the name that was verified when the session was made. It is not verified again.
 */
export class Sessions {
  readonly #kept = new Map<string, Buffer>()

  get(address: string): Buffer | undefined {
    return this.#kept.get(address)
  }

  keep(address: string, session: Buffer): void {
    this.#kept.delete(address)
    this.#kept.set(address, session)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= most) return
      this.#kept.delete(oldest)
    }
  }

  drop(address: string): void {
    this.#kept.delete(address)
  }
}
