import { byteSize } from '@damselfly/shared/config'
import * as z from 'zod'

/** How much of the disk a program's contents may take, as it is configured. */
export const spaceSettings = z
  .strictObject({
    quota: byteSize().default(0).describe('What all contents together may take; those that were not used for longest are deleted for new ones; 0: what the disk has'),
    minFreePercent: z
      .number()
      .min(0)
      .max(99)
      .default(5)
      .describe('Percent of the disk that stay free for others: contents are deleted when there is less'),
  })
  .prefault({})
