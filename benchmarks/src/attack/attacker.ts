import { answerCalls } from '../lanes/remote-calls.ts'
import { ATTACKS, type AttackName, type Target } from './attacks.ts'

let stopping = new AbortController()
let attacking: Promise<void> = Promise.resolve()
let done = 0

const calls = {
  async start({ name, target }: { readonly name: AttackName; readonly target: Target }): Promise<void> {
    stopping = new AbortController()
    done = 0
    attacking = ATTACKS[name](target, stopping.signal, () => done++)
    attacking.catch(() => undefined)
  },
  /** @returns how many times it did what it does. @throws what ended it */
  async stop(): Promise<number> {
    stopping.abort()
    await attacking
    return done
  },
}
export type AttackerCalls = typeof calls

answerCalls(calls)
