export { answerOf } from './answer.ts'
export type { AssignmentDecision, Decision, JoinDecision, SourceDecision } from './decision.ts'
export {
  BASES,
  OUTCOMES,
  VERDICTS,
  type AssignmentOutcome,
  type AssignmentView,
  type Basis,
  type Candidate,
  type DecisionObserver,
  type Verdict,
} from './decision-observer.ts'
export { DecisionTrace, type DecisionPage, type DecisionQuery, type DecisionTraceOptions } from './decision-trace.ts'
export { nameOf, wordsOf, wordsOfChildWait } from './words.ts'
