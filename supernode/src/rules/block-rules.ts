import { DamselflyError } from '@damselfly/shared'
import type { BlockDirection, BlockRule } from './block-rule.ts'
import type { RuledPeer, RuledTask } from './download-conditions.ts'
import { DownloadRules } from './download-rules.ts'
import type { RuleList } from './rule-list.ts'

/** What people forbid: who may not download what, and who may not be a parent of what. */
export class BlockRules {
  readonly #rules: DownloadRules<BlockRule>

  constructor(store: RuleList<BlockRule>) {
    this.#rules = new DownloadRules(store)
  }

  /** The first rule that forbids it; undefined: it is allowed. */
  find(direction: BlockDirection, peer: RuledPeer, task: RuledTask): BlockRule | undefined {
    return this.#rules.find(peer, task, (rule) => rule.direction === direction)
  }

  /** @throws DamselflyError BLOCKED */
  checkDownload(peer: RuledPeer, task: RuledTask): void {
    const rule = this.find('download', peer, task)
    if (rule !== undefined) throw blockedBy(rule)
  }
}

export function blockedBy({ id, reason }: BlockRule): DamselflyError {
  return new DamselflyError('BLOCKED', `rule ${id} of the supernode forbids this download${reason === '' ? '' : `: ${reason}`}`)
}
