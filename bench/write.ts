/** Puts results and the reports made from them into a folder, and reads them back. */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { html } from './report/html.ts'
import { markdown } from './report/markdown.ts'
import { parseResults, type Results } from './report/results.ts'
import { summarize } from './report/summary.ts'

/** What cannot be written afterwards is known before anything is measured. @throws when nothing can be written there. */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const trial = path.join(folder, 'results.json.part')
  await writeFile(trial, '')
  await rm(trial)
}

/** Makes the folder, or one with a number behind its name when there is one already. @returns the one it has made. */
export async function makeOwnFolder(wanted: string): Promise<string> {
  await mkdir(path.dirname(wanted), { recursive: true })
  for (let number = 1; ; number++) {
    const folder = number === 1 ? wanted : `${wanted}-${number}`
    try {
      await mkdir(folder)
      return folder
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

export async function writeResults(folder: string, results: Results): Promise<void> {
  await mkdir(folder, { recursive: true })
  const text = `${JSON.stringify(results, null, 2)}\n`
  parseResults(text)
  await put(path.join(folder, 'results.json'), text)
  await writeReports(folder, results)
}

/** What has been measured so far, so that a run that dies can be resumed. */
export async function keepResults(folder: string, results: Results): Promise<void> {
  await put(path.join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
}

export async function writeReports(folder: string, results: Results): Promise<void> {
  const summary = summarize(results)
  await put(path.join(folder, 'report.md'), markdown(summary))
  await put(path.join(folder, 'report.html'), html(summary))
}

export async function readResults(folder: string): Promise<Results> {
  return parseResults(await readFile(path.join(folder, 'results.json'), 'utf8'))
}

/** All or nothing: an interrupted write leaves the old file. */
export async function put(file: string, text: string): Promise<void> {
  await writeFile(`${file}.part`, text)
  await rename(`${file}.part`, file)
}

/** A folder as it is said to people. */
export function shortest(folder: string): string {
  const relative = path.relative('', folder) || '.'
  return relative.startsWith('..') ? path.resolve(folder) : relative
}
