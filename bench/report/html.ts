import type { Summary } from './summary.ts'
export const html = (_summary: Summary): string => '<!doctype html>'
