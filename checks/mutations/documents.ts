/** What a document, or the site, could say that is not so. */

import { type Mutation, tests } from './mutation.ts'

export const documents: readonly Mutation[] = [
  {
    file: 'site/links.ts',
    breaks: 'A link to a heading that is gone leads to the top of the page, and nobody is told',
    old: "(anchor === '' || places.get(file)?.has(anchor) !== false)",
    new: 'true',
    seenBy: tests('checks', 'site'),
  },
  {
    file: 'bench/report/memory.ts',
    breaks: 'What the kernel holds for client and origin is counted as the gateway’s',
    old: "figureOf('stalled', 'kernelPerStream', name) - between",
    new: "figureOf('stalled', 'kernelPerStream', name)",
    seenBy: tests('bench', 'report/readme'),
  },
  {
    file: 'bench/report/readme.ts',
    breaks: 'A figure that others share is told as one’s own',
    old: ', and ${alike.length} more',
    new: '',
    seenBy: tests('bench', 'report/readme'),
  },
]
