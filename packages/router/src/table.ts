/**
 * Routes as a tree of path segments for each host, so that finding one takes as long among ten thousand as alone.
 *
 * It is an own one, for its rules are those of Go's ServeMux: to rou3 `/foo` and `/foo/` are one route; find-my-way decodes
 * a path before it looks for it, and has a tree for each method, which makes the longest prefix one of that method and 405
 * a search in all of them.
 */

/** What a route is found by. */
export interface Pattern {
  /** Without a port, in lower case. */
  readonly hosts: readonly string[]
  readonly methods: readonly string[]
  /** `/api/` for all that is below it, `/api` for itself alone. */
  readonly path: string
}

interface Node<T> {
  readonly children: Map<string, Node<T>>
  /** For the path itself. */
  exact: Methods<T> | undefined
  /** For the path with a slash behind it, and all that is below. */
  below: Methods<T> | undefined
}

/** By method; `*` is every other one. */
type Methods<T> = Map<string, T>

export interface Table<T> {
  readonly hosts: ReadonlyMap<string, Node<T>>
  readonly anywhere: Node<T>
}

/** The slash is missing. */
export const redirected: unique symbol = Symbol('redirected')

/** There is something, but not for this method. */
export class OtherMethods {
  readonly allow: readonly string[]

  constructor(found: readonly Methods<unknown>[]) {
    const names = new Set(found.flatMap((methods) => [...methods.keys()]))
    if (names.has('GET')) names.add('HEAD')
    this.allow = [...names].toSorted()
  }
}

/** @throws TypeError that names two routes of which one would never be found. */
export function createTable<T>(
  routes: readonly (readonly [Pattern, T])[],
  nameOf: (route: T) => string,
): Table<T> {
  const hosts = new Map<string, Node<T>>()
  const anywhere = createNode<T>()
  for (const [{ hosts: named, methods, path }, route] of routes) {
    for (const host of named.length === 0 ? [''] : named) {
      const root = host === '' ? anywhere : (hosts.get(host) ?? createNode<T>())
      if (host !== '') hosts.set(host, root)
      const slot = slotOf(root, path)
      for (const method of methods.length === 0 ? ['*'] : methods) {
        const other = slot.get(method)
        if (other !== undefined)
          throw new TypeError(
            `Two routes are for the same requests: ${nameOf(other)} and ${nameOf(route)}. Take one out, or give it a host or a method`,
          )
        slot.set(method, route)
      }
    }
  }
  return { hosts, anywhere }
}

/**
 * A route of the host goes before one of any host, the path itself before what it is below of, and of these the longest;
 * one that is not for the method is passed over.
 */
export function find<T>(
  { hosts, anywhere }: Table<T>,
  method: string,
  authority: string,
  names: readonly string[],
): T | typeof redirected | OtherMethods | undefined {
  const passed: Methods<T>[] = []
  const own = hosts.size === 0 ? undefined : hosts.get(hostOf(authority))
  const found =
    (own && findIn(own, method, names, passed)) ?? findIn(anywhere, method, names, passed) ?? undefined
  if (found !== undefined || passed.length === 0) return found
  return new OtherMethods(passed)
}

function findIn<T>(
  root: Node<T>,
  method: string,
  names: readonly string[],
  passed: Methods<T>[],
): T | typeof redirected | undefined {
  const last = names.length - 1
  const above: Methods<T>[] = []
  let node: Node<T> | undefined = root
  for (let i = 0; ; i++) {
    if (node.below !== undefined && i <= last) above.push(node.below)
    const name = names[i]
    if (name === undefined || (name === '' && i === last)) break
    const child: Node<T> | undefined = node.children.get(name)
    if (child === undefined) {
      node = undefined
      break
    }
    node = child
  }
  if (node !== undefined && names[last] !== '') {
    if (node.exact !== undefined) {
      const route = ofMethod(node.exact, method)
      if (route !== undefined) return route
      passed.push(node.exact)
    }
    if (node.below !== undefined) {
      if (ofMethod(node.below, method) !== undefined) return redirected
      passed.push(node.below)
    }
  }
  for (let i = above.length - 1; i >= 0; i--) {
    const route = ofMethod(above[i] as Methods<T>, method)
    if (route !== undefined) return route
    passed.push(above[i] as Methods<T>)
  }
  return undefined
}

function ofMethod<T>(methods: Methods<T>, method: string): T | undefined {
  return methods.get(method) ?? (method === 'HEAD' ? methods.get('GET') : undefined) ?? methods.get('*')
}

function createNode<T>(): Node<T> {
  return { children: new Map(), exact: undefined, below: undefined }
}

function slotOf<T>(root: Node<T>, path: string): Methods<T> {
  let node = root
  const names = path.slice(1).split('/')
  const last = names.pop()
  for (const name of names) node = childOf(node, name)
  if (last === '') {
    node.below ??= new Map()
    return node.below
  }
  node = childOf(node, last as string)
  node.exact ??= new Map()
  return node.exact
}

function childOf<T>(node: Node<T>, name: string): Node<T> {
  const child = node.children.get(name) ?? createNode<T>()
  node.children.set(name, child)
  return child
}

/** Without a port, or the dot of the root. */
function hostOf(authority: string): string {
  return authority.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
}
