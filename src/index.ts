export { defineTask, type OwnProtocol, type OwnTask } from './custom/definition.ts';
export type { DataRecord } from './data/records.ts';
export { UserError } from './errors.ts';
export { DEFAULT_SPEC, evaluate } from './evaluate/evaluate.ts';
export type { EvaluateOptions, RunEvent } from './evaluate/events.ts';
export {
  type GeneratedText,
  type GenerateTextOptions,
  openScorer,
  type PairError,
  type PairScore,
  type Scorer,
  type ScorerOptions,
} from './evaluate/scorer.ts';
export { bleuCounts } from './metrics/text/bleu.ts';
export { chrfCounts } from './metrics/text/chrf.ts';
export { exactMatch, triviaqaNormalise } from './metrics/text/em.ts';
export { rouge } from './metrics/text/rouge.ts';
export { bestOf, squadEm, squadF1 } from './metrics/text/squad.ts';
export type { CellCost, CellResult, PublishedComparison, RunRecord, RunSpec } from './record.ts';
export type {
  ChoiceProtocol,
  GenerateProtocol,
  MetricName,
  Protocol,
  RollingProtocol,
  SpanProtocol,
} from './task.ts';
export type { Example, Sample } from './types.ts';
