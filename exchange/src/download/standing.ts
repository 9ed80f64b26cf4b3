import type { DamselflyError } from '@damselfly/shared'
import type { BackToSourceReason } from './back-to-source-reason.ts'

/** What a child may expect of its supernode at the moment. */
export type Standing =
  /**
   * It is being asked for the task, or assigns pieces. `sentBack` is set while it says that only the origin
   * has what is missing.
   */
  | { readonly type: 'joining' | 'joined'; readonly sentBack: BackToSourceReason | undefined }
  /** Nothing, until a channel is there again. */
  | { readonly type: 'away'; readonly reason: BackToSourceReason; readonly refusal: DamselflyError | undefined }

/** Why nobody but the peer itself can be waited for; undefined while the supernode may still help. */
export function whyAlone(standing: Standing): BackToSourceReason | undefined {
  return standing.type === 'away' ? standing.reason : standing.sentBack
}
