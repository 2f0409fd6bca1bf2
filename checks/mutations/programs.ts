/** What becomes of services that are programs: their starts, deaths, exchanges, and what is left of them. */

import { type Mutation, type SeenBy, tests } from './mutation.ts'

const life = (name: string): SeenBy => tests('packages/programs', 'program', name)
const orphans = (name: string): SeenBy => tests('packages/programs', 'orphans', name)
const behind = (name: string): SeenBy => tests('packages/programs', 'behind', `^pipe-proxy .*${name}`)

const fault = (file: string, breaks: string, old: string, changed: string, seenBy: SeenBy): Mutation => ({
  file: `packages/programs/src/${file}.ts`,
  breaks,
  old,
  new: changed,
  seenBy,
})

export const programs: readonly Mutation[] = [
  fault(
    'guard',
    'What a program has started itself outlives the parent that was killed',
    'kill -KILL "-$pid"',
    'kill -KILL "$pid"',
    orphans('when the parent is killed'),
  ),
  fault(
    'guard',
    'A program outlives its parent once somebody has killed the guard',
    'if (guard === begun) guard = begin(folder)',
    '',
    orphans('has a successor'),
  ),
  fault(
    'guard',
    'The successor of a guard knows of no program',
    'for (const pid of groups) pipe.write(`+${pid}\\n`)',
    '',
    orphans('has a successor'),
  ),
  fault(
    'guard',
    'A folder for sockets is left for each process that ends',
    'rm -rf -- "$1"',
    ':',
    orphans('the guard goes with the last program'),
  ),
  fault(
    'instance',
    'What a program leaves behind when it ends goes on',
    "    this.#kill('SIGKILL')\n    const { stdout",
    '    const { stdout',
    life('leaves nothing of those'),
  ),
  fault(
    'instance',
    'A program that ignores SIGTERM is waited for, for ever',
    "setTimeout(() => this.#kill('SIGKILL'), grace)",
    'setTimeout(() => {}, grace)',
    life('by SIGKILL when it does not listen'),
  ),
  fault(
    'instance',
    'A program that is told of a socket listens at the port of its parent',
    'PORT: port === undefined ? undefined : `${port}`,',
    'PORT: `${port ?? process.env.PORT ?? 9}`,',
    life('with its socket in the environment'),
  ),
  fault(
    'instance',
    'A shell takes variables away from the program',
    '=> shellName.test(name))',
    '=> name !== shellName.source)',
    life('with a whole environment'),
  ),
  fault(
    'leases',
    'An instance is busy for ever with exchanges that have ended',
    'if (listeners === 1) subscribe(ends, onEnd)',
    '',
    behind('in node is started'),
  ),
  fault(
    'program',
    'An exchange that is over before it is chosen for counts for ever',
    '    exchange.signal.throwIfAborted()\n',
    '',
    life('for a client that has left'),
  ),
  fault(
    'program',
    'The busiest instance gets more',
    'serving.inFlight >= best.inFlight',
    'serving.inFlight <= best.inFlight',
    life('the one with the fewest exchanges'),
  ),
  fault(
    'program',
    'A program is stopped while it is asked',
    'if (busy) this.#usedAt = performance.now()',
    '',
    life('does not stop while it is asked'),
  ),
  fault(
    'program',
    'Two changes for two who ask during a third',
    'this.#rollingNext ??= this.#rolling.then(',
    'this.#rollingNext = this.#rolling.then(',
    life('once for those who ask meanwhile'),
  ),
  fault(
    'place',
    'A program that dies at once is started again without a pause',
    'lived >= restart.lived ? 0',
    'lived >= 0 ? 0',
    life('is down for a while'),
  ),
  fault(
    'place',
    'Who is replaced is ended in the middle of its exchanges',
    'await instance.drain(drain)\n',
    '',
    behind('replaced under load'),
  ),
  fault(
    'place',
    'A new instance cannot listen where the old one still does',
    'if (!this.#owner.overlapping) await Promise.all([...this.instances].map(({ gone }) => gone))',
    '',
    life('where the one before still is'),
  ),
  fault(
    'again',
    'A request that may be asked again is not',
    '|| times === mostTimes ||',
    '|| times === 0 ||',
    behind('is asked again of the next one'),
  ),
  fault(
    'ready',
    'A service is taken for ready while it answers 503',
    'statusCode >= 200 && statusCode < 300 : statusCode === status',
    'statusCode >= 200 : statusCode >= 200',
    life('not before a path answers'),
  ),
  fault(
    'lines',
    'A character that a read cuts in two is lost',
    'take(decoder.write(bytes))',
    'take(bytes.toString())',
    tests('packages/programs', 'test/lines'),
  ),
  {
    file: 'packages/programs/src/instance.ts',
    breaks: 'The timer of a drain keeps the process alive after it',
    old: '    await Promise.race([promise, this.#exited.promise])\n    clearTimeout(timer)\n',
    new: '    await Promise.race([promise, this.#exited.promise])\n',
    seenBy: tests('packages/programs', 'test/program', 'no timer is left'),
  },
  {
    file: 'packages/programs/src/instance.ts',
    breaks: 'The process goes on for as long as a drain might have taken',
    old: '    await Promise.race([promise, this.#exited.promise])\n    clearTimeout(timer)',
    new: '    await Promise.race([promise, this.#exited.promise])',
    seenBy: tests('packages/programs', 'program', 'no timer is left'),
  },
  {
    file: 'packages/programs/src/place.ts',
    breaks: 'A program that was to end is started again',
    old: '  async end(drain: number = this.#owner.drain): Promise<void> {\n    this.#endPause()\n',
    new: '  async end(drain: number = this.#owner.drain): Promise<void> {\n',
    seenBy: tests('packages/programs', 'program', 'once it is closed'),
  },
  {
    file: 'packages/programs/src/lines.ts',
    breaks: 'A line ends in a carriage return',
    old: "line.endsWith('\\r') ? line.slice(0, -1) : line",
    new: 'line',
    seenBy: tests('packages/programs', 'lines'),
  },
  {
    file: 'packages/programs/src/address.ts',
    breaks: 'A program on IPv6 is asked at no URL',
    old: "host.includes(':') ? `[${host}]` : host",
    new: 'host',
    seenBy: tests('packages/programs', 'test/address'),
  },
]
