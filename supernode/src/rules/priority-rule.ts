import { PRIORITIES } from '@damselfly/shared'
import * as z from 'zod'
import { downloadConditions } from './download-conditions.ts'
import { ruleHead } from './rule-list.ts'

/** Whose downloads, and of what, have another priority than their callers say. */
export const priorityConditions = z.object({
  priority: z.enum(PRIORITIES).describe('background: such downloads yield to others where slots are short, and wherever a rate is limited'),
  ...downloadConditions.shape,
})

export const priorityRule = ruleHead.extend(priorityConditions.shape)

export type PriorityRule = z.output<typeof priorityRule>
