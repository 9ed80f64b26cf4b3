import * as z from 'zod'
import { byteSize } from '@damselfly/shared/config'

/** How the scheduler decides, and what is kept of it. */
export const schedulerConfigSchema = z.strictObject({
  policy: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A module with policies of your own: a path that begins with `./`, `../` or `/`, relative to the configuration file, or the name of ' +
        'a package that is installed there',
    ),
  decisions: z
    .strictObject({
      perTask: z.number().int().min(0).max(10_000_000).default(32_768).describe('Decisions of each task that are kept to be explained; 0: none'),
      total: z
        .number()
        .int()
        .min(0)
        .max(10_000_000)
        .default(131_072)
        .describe('Decisions that are kept in all, about 200 bytes each; the oldest go first'),
    })
    .prefault({}),
  record: z
    .strictObject({
      file: z
        .string()
        .min(1)
        .optional()
        .describe(
          'Where all that the scheduler is told and answers is written, for the simulator to replay; relative to `dataDir`. An earlier one is ' +
            'kept with `.old` at its end',
        ),
      limit: byteSize().default(1024 ** 3).describe('Recording ends when the file is so large'),
    })
    .prefault({}),
})

export type SchedulerSettings = z.output<typeof schedulerConfigSchema>
