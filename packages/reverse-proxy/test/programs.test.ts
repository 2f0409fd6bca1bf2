import { programsOf } from '../../programs/test/behind.ts'
import { createReverseProxy } from '../src/index.ts'

programsOf(createReverseProxy)
