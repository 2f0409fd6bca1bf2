/** Says 100 by itself. */
import { serve, sound } from './sound.ts'

serve({ ...sound, expect: (_, response) => response.writeContinue() })
