/** Who is in a sweep, which looks at nobody: `check` takes the time from the test. */

import { type Limited, Sweep } from '../src/sweep.ts'

export class Watched extends Sweep {
  readonly members: Limited[] = []

  constructor() {
    super([])
  }

  override add(member: Limited): void {
    this.members.push(member)
  }

  override delete(member: Limited): void {
    const at = this.members.indexOf(member)
    if (at !== -1) this.members.splice(at, 1)
  }
}
