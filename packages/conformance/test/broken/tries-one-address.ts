/** Asks at the first address of the origin, and at no other. */
import { setDefaultAutoSelectFamily } from 'node:net'
import { serve, sound } from './sound.ts'

setDefaultAutoSelectFamily(false)
serve(sound)
