/** The tests of a file as they are written: their names, what they are inside of, and whether they can fail. */

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseSync } from 'oxc-parser'
import { importsOf } from '../imports.ts'
import { root } from '../workspace.ts'

export interface Written {
  /** From the root. */
  readonly file: string
  /** Of all that it is inside of, and its own, as in the source: `%s` and `${…}` stay. */
  readonly name: string
  readonly titles: readonly string[]
  /** The identifiers of the tables that it is run for: `strategies` in `describe.each(strategies)`, or its strings. */
  readonly tables: readonly (string | readonly string[])[]
  /** Something in it, or in a function of its file that it calls, is an assertion. */
  readonly asserts: boolean
}

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'

/** The parts of a node, in the order of the source. */
function parts(node: Node): Node[] {
  return Object.values(node).flatMap((value) => (Array.isArray(value) ? value : [value]).filter(isNode))
}

/** What a chain of calls and members begins with, and the names on the way: `test.skipIf(x).each(y)`. */
function chain(node: Node): { base: string; names: string[]; tables: Node[] } | undefined {
  if (node.type === 'Identifier') return { base: node.name as string, names: [], tables: [] }
  if (node.type === 'MemberExpression') {
    const found = chain(node.object as Node)
    const { name } = node.property as Node
    return found && typeof name === 'string' ? { ...found, names: [...found.names, name] } : undefined
  }
  if (node.type !== 'CallExpression') return undefined
  const found = chain(node.callee as Node)
  const [table] = node.arguments as Node[]
  const each = found?.names.at(-1) === 'each' || found?.names.at(-1) === 'for'
  return found && { ...found, tables: each && table ? [...found.tables, table] : found.tables }
}

/** `test(…)`, `describe.each(…)(…)`; not `test.each(…)` alone, which is called once more. */
function opening(call: Node) {
  if (call.type !== 'CallExpression') return undefined
  const found = chain(call.callee as Node)
  if (found === undefined || !/^(?:test|it|describe)$/.test(found.base)) return undefined
  const [title, ...others] = call.arguments as Node[]
  const last = found.names.at(-1)
  const called = (call.callee as Node).type === 'CallExpression'
  if (!called && last !== undefined && /^(?:each|for|skipIf|runIf)$/.test(last)) return undefined
  const text = title && textOf(title)
  const body = others.find(({ type }) => /Function/.test(type))
  return text === undefined || body === undefined ? undefined : { ...found, text, body }
}

function textOf(node: Node): string | undefined {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined
  if (node.type !== 'TemplateLiteral') return undefined
  return (node.quasis as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join('…')
}

function tableOf(node: Node): string | readonly string[] {
  if (node.type === 'Identifier') return node.name as string
  if (node.type !== 'ArrayExpression') return ''
  return (node.elements as Node[]).flatMap((element) => textOf(element) ?? [])
}

/** Functions of this file, by name. */
function functionsOf(program: Node): Map<string, Node> {
  const found = new Map<string, Node>()
  const visit = (node: Node): void => {
    if (node.type === 'FunctionDeclaration' && isNode(node.id)) found.set(node.id.name as string, node)
    if (node.type === 'VariableDeclarator' && isNode(node.init) && /Function/.test(node.init.type))
      found.set((node.id as Node).name as string, node.init)
    for (const part of parts(node)) visit(part)
  }
  visit(program)
  return found
}

/** Whether a claim is made in here, by itself or by a function of this file. */
function claims(node: Node, functions: ReadonlyMap<string, Node>, seen: Set<Node> = new Set()): boolean {
  if (seen.has(node)) return false
  seen.add(node)
  if (node.type === 'CallExpression') {
    const callee = chain(node.callee as Node)
    if (callee && /^(?:expect|assert)$/.test(callee.base)) return true
  }
  if (node.type === 'Identifier') {
    const called = functions.get(node.name as string)
    if (called && claims(called, functions, seen)) return true
  }
  return parts(node).some((part) => claims(part, functions, seen))
}

export function testsOf(
  file: string,
  source: string = readFileSync(path.join(root, file), 'utf8'),
): Written[] {
  const { program, errors } = parseSync(file, source)
  const [error] = errors
  if (error) throw new SyntaxError(`${file}: ${error.message}`)
  const functions = functionsOf(program as unknown as Node)
  const found: Written[] = []
  const visit = (node: Node, titles: readonly string[], tables: Written['tables']): void => {
    const opened = opening(node)
    if (opened === undefined) {
      for (const part of parts(node)) visit(part, titles, tables)
      return
    }
    // What stands for the name of a strategy says nothing.
    const inside = opened.base === 'describe' && opened.text === '%s' ? titles : [...titles, opened.text]
    const ran = [...tables, ...opened.tables.map(tableOf)]
    if (opened.base === 'describe') {
      visit(opened.body, inside, ran)
      return
    }
    found.push({
      file,
      name: inside.join(' › '),
      titles: inside,
      tables: ran,
      asserts: claims(opened.body, functions),
    })
  }
  visit(program as unknown as Node, [], [])
  return found
}

/** This file, and those of tests that it takes part of its own from. */
export function withShared(file: string): string[] {
  const found = new Set([file])
  for (const one of found) {
    const source = readFileSync(path.join(root, one), 'utf8')
    for (const { specifier } of importsOf(one, source)) {
      const next = specifier.startsWith('.')
        ? path.join(path.dirname(one), specifier)
        : specifier.replace(
            /^@relayrace\/promises(?:\/(.*))?$/,
            (_, name = 'index') => `packages/promises/src/${name}.ts`,
          )
      if (/\/test\/|^packages\/promises\//.test(next)) found.add(next)
    }
  }
  return [...found]
}
