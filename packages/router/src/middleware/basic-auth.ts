/** Users with passwords (RFC 7617). */

import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { checkOptions, GatewayError } from '@relayrace/gateway/web'
import type { Middleware } from '../middleware.ts'
import { adding } from './adding.ts'
import { credentials, filled, quoted, unauthorized } from './credentials.ts'
import { identify } from './identity.ts'

export interface BasicAuthOptions {
  /** Default `gateway`. */
  readonly realm?: string
  /** Whether the service is told the password. Default: it is not. */
  readonly forward?: boolean
  /** How long a password that was right is not computed again, in milliseconds. Default 300 000. */
  readonly remember?: number
}

/** Whether this is the password of the user. */
export type VerifyPassword = (user: string, password: string) => boolean | Promise<boolean>

const cost: Required<Pick<ScryptOptions, 'N' | 'r' | 'p'>> = { N: 16_384, r: 8, p: 1 }
const length = 32
/** Hashes that are computed at a time: they take threads that files and names need as well, of which Node has four. */
const atOnce = 2
/** Passwords that may wait for that: some two seconds. */
const mostWaiting = 100

/** What is kept of a password: scrypt with a salt of its own. @throws TypeError for an empty one. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(filled(password, 'password'), salt)
  return `scrypt$${salt.toString('base64url')}$${key.toString('base64url')}`
}

/**
 * Hashes cost: of those that are not remembered two are computed at a time, a hundred wait, and more are 503. A `rateLimit`
 * in front keeps one client from taking all of that.
 * @param users The hash of each one's password, made by `hashPassword`; or a function that knows.
 * @throws TypeError for what is no such hash.
 */
export function basicAuth(
  users: Readonly<Record<string, string>> | VerifyPassword,
  options: BasicAuthOptions = {},
): Middleware {
  checkOptions(options, { realm: 'string', forward: 'boolean', remember: 'number' }, 'basicAuth.')
  const { realm = 'gateway', forward = false, remember = 300_000 } = options
  const verify = typeof users === 'function' ? users : verifier(users)
  const challenge = `Basic realm=${quoted(realm)}, charset="UTF-8"`
  /** Passwords that were right, so that not every request costs one: nobody can read them here. */
  const right = new Map<string, number>()
  const secret = randomBytes(32)
  const most = 1_000

  async function isRight(user: string, password: string): Promise<boolean> {
    const mark = createHmac('sha256', secret).update(`${user}:${password}`).digest('base64')
    const until = right.get(mark)
    if (until !== undefined && until > performance.now()) return true
    right.delete(mark)
    if (!(await verify(user, password))) return false
    if (right.size >= most) right.delete(right.keys().next().value as string)
    right.set(mark, performance.now() + remember)
    return true
  }

  const hidden = adding({ prepare: ({ fields }) => fields.delete('Authorization') })

  return async (exchange, next) => {
    const given = credentials(exchange.request.fields, 'basic')
    if (given === undefined) return unauthorized(challenge)
    const pair = Buffer.from(given, 'base64').toString()
    const colon = pair.indexOf(':')
    const user = pair.slice(0, colon)
    if (colon === -1 || !(await isRight(user, pair.slice(colon + 1)))) return unauthorized(challenge)
    identify(exchange, user)
    return forward ? next() : hidden(next(), exchange)
  }
}

function verifier(users: Readonly<Record<string, string>>): VerifyPassword {
  const known = new Map(
    Object.entries(users).map(([user, hash]) => {
      const [kind, salt = '', key = ''] = hash.split('$')
      const bytes = { salt: Buffer.from(salt, 'base64url'), key: Buffer.from(key, 'base64url') }
      if (kind !== 'scrypt' || bytes.key.length !== length || user.includes(':'))
        throw new TypeError(`The password of ${user} is not hashed: keep await hashPassword(password)`)
      return [user, bytes] as const
    }),
  )
  /** Nobody's: an unknown user takes as long as a wrong password. */
  const nobody = { salt: randomBytes(16), key: randomBytes(length) }
  return async (user, password) => {
    if (password === '') return false
    const { salt, key } = known.get(user) ?? nobody
    return timingSafeEqual(await inTurn(() => derive(password, salt)), key)
  }
}

let computing = 0
const waiting: (() => void)[] = []

/** @throws GatewayError 503 when too many wait already. */
async function inTurn<T>(compute: () => Promise<T>): Promise<T> {
  if (computing < atOnce) computing++
  else if (waiting.length < mostWaiting) await new Promise<void>((resolve) => waiting.push(resolve))
  else throw new GatewayError('destination_unavailable', { phase: 'requestHead', source: 'gateway' })
  try {
    return await compute()
  } finally {
    const next = waiting.shift()
    if (next === undefined) computing--
    else next()
  }
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, cost, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}
