/** All cases, in the order of the catalogue. */

import type { Case } from '../case.ts'
import { frame } from './frame.ts'
import { hdr } from './hdr.ts'

export const cases: readonly Case[] = [...frame, ...hdr]
