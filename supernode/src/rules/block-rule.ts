import * as z from 'zod'
import { downloadConditions } from './download-conditions.ts'
import { ruleHead } from './rule-list.ts'

/** Whom and what a rule is about; what is left out matches everything. */
export const blockConditions = z.object({
  direction: z.enum(['download', 'upload']).describe('What may not be done: to download, or to be a parent of others'),
  ...downloadConditions.shape,
})

export const blockRule = ruleHead.extend(blockConditions.shape)

export type BlockRule = z.output<typeof blockRule>
export type BlockDirection = BlockRule['direction']
