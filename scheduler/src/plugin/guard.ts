import { DamselflyError } from '@damselfly/shared'

/** A policy that threw, or answered what it may not. */
export interface PolicyFault {
  /** Such as `parentChoice.choose`. */
  readonly policy: string
  readonly error: unknown
}

export type OnPolicyFault = (fault: PolicyFault) => void

/** Stands between the scheduler and one policy of somebody's. */
export class Guard {
  readonly #name: string
  readonly #onFault: OnPolicyFault
  #hasJustThrown = false

  constructor(name: string, onFault: OnPolicyFault) {
    this.#name = name
    this.#onFault = onFault
  }

  /** @returns undefined too if it threw, which has been told then. */
  attempt<T>(method: string, act: () => T): T | undefined {
    this.#hasJustThrown = false
    try {
      return act()
    } catch (error) {
      this.#hasJustThrown = true
      this.#onFault({ policy: `${this.#name}.${method}`, error })
      return undefined
    }
  }

  /** Tells of an answer that cannot be taken, unless it stands for what was thrown. */
  refuse(method: string, answer: unknown, expected: string): void {
    if (this.#hasJustThrown) return
    const error = new DamselflyError('INTERNAL', `it answered ${describe(answer)} instead of ${expected}`)
    this.#onFault({ policy: `${this.#name}.${method}`, error })
  }

  /** An answer that must be true or false. @param otherwise answers instead */
  yesOrNo(method: string, act: () => boolean, otherwise: () => boolean): boolean {
    const answer = this.attempt(method, act)
    if (typeof answer === 'boolean') return answer
    this.refuse(method, answer, 'true or false')
    return otherwise()
  }

  /** An answer that must be a list; empty if it is none. */
  list<T>(method: string, act: () => Iterable<T>): readonly T[] {
    const answer = this.attempt(method, () => Array.from(act()))
    return answer ?? []
  }

  /** An answer that must be a time, or undefined. */
  time(method: string, act: () => number | undefined): number | undefined {
    const answer = this.attempt(method, act)
    if (answer === undefined || answer >= 0) return answer
    this.refuse(method, answer, 'a time')
    return undefined
  }
}

function describe(answer: unknown): string {
  return typeof answer === 'object' && answer !== null ? 'something else' : String(answer)
}
