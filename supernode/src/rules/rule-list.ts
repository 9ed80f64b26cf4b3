import * as z from 'zod'
import { entryHead, ExpiringList, type EntryNoun, type ExpiringListInit } from '../kept/expiring-list.ts'

/** What every rule that people make has beside what it says. */
export const ruleHead = entryHead.extend({
  reason: z.string().max(300).default('').describe('Shown to whom the rule concerns'),
})

export type RuleHead = z.output<typeof ruleHead>

const RULE: EntryNoun = { name: 'rule', missing: 'RULE_NOT_FOUND' }

/** Rules of one kind that people made. */
export type RuleList<T extends RuleHead> = ExpiringList<T>

export function createRuleList<T extends RuleHead>(init: Omit<ExpiringListInit<T>, 'noun'>): RuleList<T> {
  return new ExpiringList({ ...init, noun: RULE })
}
