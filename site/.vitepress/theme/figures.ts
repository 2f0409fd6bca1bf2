import type { MemoryFigure } from '../../pages.ts'

/** Written here by the configuration. */
declare const __MEMORY__: readonly MemoryFigure[]

export const figures: readonly MemoryFigure[] = __MEMORY__
