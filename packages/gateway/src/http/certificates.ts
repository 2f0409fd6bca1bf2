/** Server certificates that live in files: one for everybody, others by name (SNI), read again without a restart. */

import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import type { Listener } from '../contract/gateway.ts'

/** Two paths. Both files are PEM. */
export interface CertificatePaths {
  readonly cert: string
  readonly key: string
}

interface Loaded {
  readonly main: { readonly cert: Buffer; readonly key: Buffer }
  readonly named: ReadonlyMap<string, SecureContext>
  /** All files, as they were read. */
  readonly files: ReadonlyMap<string, Buffer>
}

/** How often the files are looked at, in ms. Looking works where notice fails: links that are switched, network disks. */
const interval = 1_000
/** A certificate and its key are two files, written one after the other. */
const settling = 100

/** Hand `tls` to `listen`, and the listener to `serve`. */
export class CertificateFiles {
  readonly #main: CertificatePaths
  readonly #named: ReadonlyMap<string, CertificatePaths>
  readonly #listeners = new Set<Listener>()
  #loaded: Loaded

  /**
   * @param named By server name: exact, or `*.example.org` for one label.
   * @throws Error when a file cannot be read, or a key does not fit its certificate.
   */
  constructor(main: CertificatePaths, named: ReadonlyMap<string, CertificatePaths> = new Map()) {
    this.#main = main
    this.#named = named
    this.#loaded = this.#load()
  }

  /** For `listen`. */
  get tls(): TlsOptions {
    return {
      ...this.#loaded.main,
      SNICallback: (name, done) => done(null, contextFor(this.#loaded.named, name)),
    }
  }

  /** New connections of this listener get what is loaded from now on. */
  serve(listener: Listener): void {
    this.#listeners.add(listener)
  }

  /** Reads all files again. Connections that are open keep what they have. @throws like the constructor; nothing changes. */
  reload(): void {
    this.#loaded = this.#load()
    for (const listener of this.#listeners) listener.setSecureContext(this.#loaded.main)
  }

  /** The same, telling what has failed. */
  tryReload(): Error | undefined {
    try {
      this.reload()
      return undefined
    } catch (error) {
      return error as Error
    }
  }

  #isOutdated(): boolean {
    try {
      return [...this.#loaded.files].some(([file, read]) => !readFileSync(file).equals(read))
    } catch {
      return true
    }
  }

  /** Reloads when a file has changed, and tells how that went. @returns how to stop. */
  watch(told: (error: Error | undefined) => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    const changed = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => told(this.tryReload()), settling)
    }
    const files = [...this.#loaded.files.keys()]
    for (const file of files) watchFile(file, { interval, persistent: false }, changed)
    // The first look is what later ones are compared with, and it comes a moment after the files were read.
    const missed = setTimeout(() => this.#isOutdated() && changed(), interval).unref()
    return () => {
      clearTimeout(missed)
      clearTimeout(timer)
      for (const file of files) unwatchFile(file, changed)
    }
  }

  #load(): Loaded {
    const files = new Map<string, Buffer>()
    const read = (paths: CertificatePaths): Loaded['main'] => {
      const pair = readPair(paths)
      files.set(paths.cert, pair.cert).set(paths.key, pair.key)
      return pair
    }
    const main = read(this.#main)
    const named = new Map<string, SecureContext>()
    for (const [name, paths] of this.#named) named.set(name.toLowerCase(), contextOf(paths, read(paths)))
    return { main, named, files }
  }
}

/** @throws Error when a file cannot be read, or the key does not fit the certificate. */
export function readPair(paths: CertificatePaths): Loaded['main'] {
  const pair = { cert: readFileSync(paths.cert), key: readFileSync(paths.key) }
  contextOf(paths, pair)
  return pair
}

/** What OpenSSL says of a pair does not name it. @throws Error with its code */
function contextOf({ cert, key }: CertificatePaths, pair: Loaded['main']): SecureContext {
  try {
    return createSecureContext(pair)
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException
    throw Object.assign(new Error(`${cert} with ${key}: ${message}`, { cause }), { code })
  }
}

function contextFor(named: Loaded['named'], name: string): SecureContext | undefined {
  const lower = name.toLowerCase()
  return named.get(lower) ?? named.get(`*.${lower.slice(lower.indexOf('.') + 1)}`)
}
