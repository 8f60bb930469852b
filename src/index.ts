export { UserError } from './errors.ts';
export { DEFAULT_SPEC, evaluate } from './evaluate/evaluate.ts';
export type { EvaluateOptions, RunEvent } from './evaluate/events.ts';
export {
  openScorer,
  type PairError,
  type PairScore,
  type Scorer,
  type ScorerOptions,
} from './evaluate/scorer.ts';
export {
  type ChoiceProtocol,
  defineTask,
  type Protocol,
  type SpanProtocol,
  type Task,
  type TaskDefinition,
} from './task.ts';
export type { CellCost, CellResult, Example, RunRecord, RunSpec, Sample } from './types.ts';
