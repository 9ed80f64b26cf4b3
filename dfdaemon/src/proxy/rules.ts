import { withinTime } from './time-limit.ts'

export const RULE_ACTIONS = ['swarm', 'direct', 'redirect', 'block'] as const
export type RuleAction = (typeof RULE_ACTIONS)[number]

export interface RuleSettings {
  /** A regular expression that is looked for in the URL. */
  readonly url: string
  readonly action: RuleAction
  /** What takes the place of the part that matches, `$1` and so on included; of redirects only. */
  readonly to?: string | undefined
}

/** What is to become of a request. */
export type Verdict =
  | { readonly type: 'swarm' | 'direct' }
  | { readonly type: 'redirect'; readonly location: string }
  /** @param rule as it stands in the configuration */
  | { readonly type: 'block'; readonly rule: string }

interface Rule {
  readonly pattern: RegExp
  readonly settings: RuleSettings
}

/** A regular expression that takes longer is one that backtracks without end; milliseconds for all rules. */
const MATCH_MS = 50

/** Decides by URLs; the first rule that matches counts. */
export class Rules {
  readonly #rules: readonly Rule[]

  /** @throws SyntaxError when a regular expression cannot be read */
  constructor(rules: readonly RuleSettings[]) {
    this.#rules = rules.map((settings) => ({ settings, pattern: new RegExp(settings.url) }))
  }

  /**
   * What cannot be decided in time is blocked: the rule that hangs may be one that forbids.
   *
   * @returns undefined when no rule speaks of this URL
   */
  judge(url: string): Verdict | undefined {
    if (this.#rules.length === 0) return undefined
    try {
      return withinTime(() => this.#firstOf(url), MATCH_MS)
    } catch {
      return { type: 'block', rule: 'a rule that could not be matched in time' }
    }
  }

  #firstOf(url: string): Verdict | undefined {
    const rule = this.#rules.find(({ pattern }) => pattern.test(url))
    return rule === undefined ? undefined : verdictOf(rule, url)
  }
}

function verdictOf({ pattern, settings }: Rule, url: string): Verdict {
  const { action, to = '' } = settings
  if (action === 'block') return { type: 'block', rule: settings.url }
  if (action !== 'redirect') return { type: action }
  const location = URL.parse(url.replace(pattern, to))
  // One that leads nowhere, or back, must not let through what was to go elsewhere.
  const isUsable = location !== null && /^https?:$/.test(location.protocol) && location.href !== url
  return isUsable ? { type: 'redirect', location: location.href } : { type: 'block', rule: settings.url }
}
