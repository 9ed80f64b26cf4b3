import { DamselflyError } from '@damselfly/shared'
import { blockMatcher, type BlockDirection, type BlockMatcher, type BlockRule, type RuledPeer, type RuledTask } from './block-rule.ts'
import type { RuleStore } from './rule-store.ts'

/** What people forbid: who may not download what, and who may not be a parent of what. */
export class BlockRules {
  readonly #store: RuleStore<BlockRule>
  #matchers: readonly BlockMatcher[] = []

  constructor(store: RuleStore<BlockRule>) {
    this.#store = store
    this.#compile()
    store.onChange(() => this.#compile())
  }

  /** Whether there is none at all. */
  get isEmpty(): boolean {
    return this.#matchers.length === 0
  }

  /** The first rule that forbids it; undefined: it is allowed. */
  find(direction: BlockDirection, peer: RuledPeer, task: RuledTask): BlockRule | undefined {
    return this.#matchers.find((matcher) => matcher.rule.direction === direction && matcher.matches(peer, task))?.rule
  }

  /** @throws DamselflyError BLOCKED */
  checkDownload(peer: RuledPeer, task: RuledTask): void {
    const rule = this.find('download', peer, task)
    if (rule !== undefined) throw blockedBy(rule)
  }

  #compile(): void {
    this.#matchers = this.#store.list().map(blockMatcher)
  }
}

export function blockedBy({ id, reason }: BlockRule): DamselflyError {
  return new DamselflyError('BLOCKED', `rule ${id} of the supernode forbids this download${reason === '' ? '' : `: ${reason}`}`)
}
