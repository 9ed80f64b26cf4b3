import { matcherOf, type DownloadConditions, type Matcher, type RuledPeer, type RuledTask } from './download-conditions.ts'
import type { RuleHead, RuleList } from './rule-list.ts'

/** Rules about peers and contents, ready to be asked often. */
export class DownloadRules<T extends RuleHead & DownloadConditions> {
  readonly #store: RuleList<T>
  #matchers: readonly Matcher<T>[] = []

  constructor(store: RuleList<T>) {
    this.#store = store
    this.#compile()
    store.onChange(() => this.#compile())
  }

  /** The first rule that matches, and is as wished. */
  find(peer: RuledPeer, task: RuledTask, isWished: (rule: T) => boolean = () => true): T | undefined {
    return this.#matchers.find((matcher) => isWished(matcher.rule) && matcher.matches(peer, task))?.rule
  }

  #compile(): void {
    this.#matchers = this.#store.list().map((rule) => matcherOf(rule))
  }
}
