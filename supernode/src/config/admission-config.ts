import { isLoopbackOnly, isPeerId } from '@damselfly/exchange'
import type { PeerId } from '@damselfly/shared'
import * as z from 'zod'
import { ADMISSION_MODES, type AdmissionMode } from '../admission/peer-admission.ts'

/** Which peers are let in. */
export const admissionSettings = z.strictObject({
  mode: z
    .enum(['auto', ...ADMISSION_MODES])
    .default('auto')
    .describe(
      'Which peers may join: `open` all that were not revoked; `token` those that show a join token once; `list` only those on the list; ' +
        '`auto` is `open` while peers can come from this machine alone, else `token`',
    ),
  allow: z
    .array(z.string().refine(isPeerId, { error: 'expected a PeerId' }))
    .default([])
    .describe('PeerIds that may join without a token, beside those that `dfget peer admit` names'),
})

/** The mode in force: nobody is let in unasked where others than this machine's own peers can come. */
export function admissionMode({ mode }: z.output<typeof admissionSettings>, listen: readonly string[]): AdmissionMode {
  if (mode !== 'auto') return mode
  return isLoopbackOnly(listen) ? 'open' : 'token'
}

export function allowedPeers({ allow }: z.output<typeof admissionSettings>): ReadonlySet<PeerId> {
  return new Set(allow as PeerId[])
}
