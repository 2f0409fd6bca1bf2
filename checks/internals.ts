/** Where a TypeScript source relies on what Node.js does not document. */

import { readFileSync } from 'node:fs'
import { parseSync } from 'oxc-parser'

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

/** Documented for whoever implements a stream. */
const forImplementers: ReadonlySet<string> = new Set(['_read', '_write', '_final', '_destroy', '_transform'])

/** Members that Node's documentation does not have. */
const undocumented: ReadonlySet<string> = new Set([
  ...['assignSocket', 'detachSocket', 'shouldKeepAlive', 'chunkedEncoding', 'readableFlowing', 'headRequest'],
  ...['readStart', 'readStop', 'getpeername'],
])

/** That many listeners, or those of others, are an assumption about who listens. */
const aboutListeners: ReadonlySet<string> = new Set(['listenerCount', 'listeners', 'removeAllListeners'])

/** Methods of Node's classes: one that is replaced, or called past its object, has to be what Node itself calls. */
const methods: ReadonlySet<string> = new Set([
  ...['read', 'push', 'write', 'end', 'on', 'emit', 'close', 'destroy', 'destroySoon'],
])

/** Classes that Node alone makes. */
const constructors: ReadonlySet<string> = new Set(['IncomingMessage', 'ServerResponse'])

/** What of it there is, each once, under the name that the table of uses has for it. */
export function internalsIn(file: string, source: string = readFileSync(file, 'utf8')): string[] {
  const { program, errors } = parseSync(file, source)
  if (errors[0] !== undefined) throw new SyntaxError(`${file}: ${errors[0].message}`)
  const found = new Set<string>()
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one)
    else if (typeof value === 'object' && value !== null) {
      if ('type' in value) for (const use of usesOf(value as Node)) found.add(use)
      for (const one of Object.values(value)) visit(one)
    }
  }
  visit(program.body)
  return [...found].toSorted()
}

function usesOf(node: Node): string[] {
  const key = nameOf(node.key) ?? ''
  switch (node.type) {
    case 'MemberExpression':
      return memberUses(node)
    case 'Property':
    case 'TSPropertySignature':
      return isHidden(key) || undocumented.has(key) ? [key] : []
    case 'AssignmentExpression': {
      const { type, object, property } = node.left as Node
      const name = nameOf(property) ?? ''
      const replaced = type === 'MemberExpression' && (object as Node).type !== 'ThisExpression'
      return replaced && methods.has(name) ? [`${name} =`] : []
    }
    case 'NewExpression': {
      const name = nameOf(node.callee) ?? ''
      return constructors.has(name) ? [`new ${name}`] : []
    }
    case 'CallExpression':
      return emitted(node)
    default:
      return []
  }
}

function memberUses({ object, property }: Node): string[] {
  const name = nameOf(property) ?? ''
  const of = object as Node
  if (of.type === 'ThisExpression' || of.type === 'Super') return []
  if (isHidden(name) || undocumented.has(name) || aboutListeners.has(name)) return [name]
  if (name === 'setPrototypeOf') return [name]
  if (nameOf(of.property) === 'prototype' && methods.has(name)) return [`prototype.${name}`]
  return []
}

/** Events that Node emits itself. `connection` may be emitted by anybody. */
function emitted({ callee, arguments: given }: Node): string[] {
  const { type, object, property } = callee as Node
  if (type !== 'MemberExpression' || nameOf(property) !== 'emit') return []
  const [event] = given as Node[]
  if ((object as Node).type === 'ThisExpression' || event?.value === 'connection') return []
  return [`emit('${String(event?.value)}')`]
}

function isHidden(name: string): boolean {
  return /^_[a-z]/i.test(name) && !forImplementers.has(name)
}

function nameOf(node: unknown): string | undefined {
  const { type, name, value } = (node ?? {}) as Node
  if (type === 'Identifier') return String(name)
  return type === 'Literal' && typeof value === 'string' ? value : undefined
}
