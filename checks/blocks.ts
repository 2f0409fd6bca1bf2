/** The blocks of code in documents: read, checked for their types, and run as the programs that they are. */

import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { accepts, freePort, type Program, startProgram } from '@relayrace/fixtures/target'
import { root } from './workspace.ts'

export interface Block {
  /** As it stands behind the fence: `ts`, `sh`. */
  readonly language: string
  readonly code: string
}

/** @param document From the root of the repository. */
export async function blocksOf(document: string): Promise<Block[]> {
  const text = await readFile(path.join(root, document), 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
  }))
}

/** What is run: all else is shown. */
export const isProgram = ({ language }: Block): boolean => language === 'ts' || language === 'js'

/** A folder from which blocks find the packages that this workspace has. It is emptied. */
export async function folderFor(name: string): Promise<string> {
  const folder = path.join(import.meta.dirname, '.cache', 'blocks', name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return folder
}

/** What the compiler has to say about them, as users would have it: nothing, if all is well. */
export async function typesIn(folder: string, blocks: readonly Block[]): Promise<string> {
  const settings = {
    extends: path.join(root, 'tsconfig.base.json'),
    compilerOptions: { isolatedDeclarations: false, types: ['node'] },
  }
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(settings))
  await Promise.all(blocks.map(({ code }, i) => writeFile(path.join(folder, `block-${i}.ts`), code)))
  const checked = promisify(execFile)(path.join(root, 'node_modules/.bin/tsc'), ['-p', folder])
  return (await checked.catch(({ stdout }) => ({ stdout }))).stdout
}

/** With each text that stands for something, such as a port, in the place of what it stands for. */
const filledIn = ({ code }: Block, places: Readonly<Record<string, string>>): string =>
  Object.entries(places).reduce((text, [name, place]) => text.replaceAll(name, place), code)

/** Written down, so that it can be imported. */
export async function moduleOf(
  folder: string,
  block: Block,
  places: Readonly<Record<string, string>> = {},
): Promise<string> {
  const file = path.join(folder, `module-${++modules}.ts`)
  await writeFile(file, filledIn(block, places))
  return file
}
let modules = 0

/** Runs it until it listens, on a free port in the place of 8080. */
export async function runBlock(
  folder: string,
  block: Block,
  places: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const port = `${await freePort()}`
  const file = await moduleOf(folder, block, { ...places, '8080': port })
  const url = new URL(`http://127.0.0.1:${port}`)
  const running = await startProgram({ argv: [process.execPath, file], cwd: folder, url, env })
  try {
    if (block.code.includes("from 'vite'")) await accepts(url, running.exited, answers)
    return running
  } catch (cause) {
    await running[Symbol.asyncDispose]()
    throw new Error(`${file} does not answer: ${running.stderr()}`, { cause })
  }
}

/** Vite listens to see whether the port is free, and then once more to serve: it serves when it answers. */
async function answers(url: URL): Promise<boolean> {
  try {
    await (await fetch(url)).body?.cancel()
    return true
  } catch {
    return false
  }
}

/** Those that begin with programs which listen at 8080: each is run as it stands. */
export const listening: readonly string[] = [
  'README.md',
  'packages/pipe-proxy/README.md',
  'packages/reverse-proxy/README.md',
  'packages/fetch-proxy/README.md',
  'packages/dispatch-proxy/README.md',
  'packages/duplex-server/README.md',
  'packages/router/README.md',
  'packages/mount/README.md',
]
