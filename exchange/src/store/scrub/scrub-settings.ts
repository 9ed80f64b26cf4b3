import { byteRate, duration } from '@damselfly/shared/config'
import * as z from 'zod'

/** How contents are checked again, as it is configured. */
export const scrubSettings = z
  .strictObject({
    rate: byteRate().default(8 * 1024 * 1024).describe('What is read of contents to see whether they still have their digests; 0: no limit'),
    every: duration().default(30 * 86_400_000).describe('How often all contents are checked so; 0: only when the management API is asked to'),
  })
  .prefault({})
