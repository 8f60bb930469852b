import type { CellResult, ModelIdentity, RunRecord, TaskIdentity } from '../record.ts';
import type { Task } from '../task.ts';
import { type Figure, SOURCES } from './figures.ts';

/** A figure and the result that it stands beside. */
export interface Compared {
  readonly figure: Figure;
  /** The measured metric. */
  readonly metric: string;
  readonly same: boolean;
  readonly result: CellResult;
  readonly model: ModelIdentity;
  readonly task: Task;
  readonly identity: TaskIdentity;
  readonly spec: RunRecord['spec'];
}

/** A sentence where the two may differ for this reason. */
type Reason = (compared: Compared) => string | false | undefined;

/** Why a measured number may differ from a published one: the reasons that apply, a sentence each. */
export function whyDifferent(compared: Compared): string[] {
  return REASONS.map((reason) => reason(compared)).filter((sentence) => typeof sentence === 'string');
}

const isGpt3 = ({ figure }: Compared): boolean => figure.source === 'GPT-3 paper';
const kindOf = ({ task, identity }: Compared): string | undefined => task.protocols[identity.protocol]?.kind;
const millions = (parameters: number | null): string => `${Math.round((parameters ?? 0) / 1e6)} M`;

/** All that is not plain from the numbers is said with where it stands in a paper. */
const REASONS: readonly Reason[] = [
  function otherModel({ same, figure, model }) {
    if (same) return false;
    const data =
      figure.source === 'GPT-3 paper' ? ', on other data and with a window of 2048 (section 2)' : '';
    return `the figure is of another model, ${figure.model} of ${millions(figure.parameters)} parameters${data}; this one has ${millions(model.parameters)}`;
  },

  function otherProtocol({ figure, identity }) {
    const { protocol } = SOURCES[figure.source];
    if (protocol === null) return 'wording and scoring are those of its author';
    return (
      protocol !== identity.protocol &&
      `wording, draw of shots and scoring are by the ${identity.protocol} protocol here, by the ${protocol} protocol there`
    );
  },

  function otherSplit({ figure, task }) {
    const split = /^(dev|validation)\b/.test(task.split) ? 'dev' : /^test\b/.test(task.split) && 'test';
    // The open set's dev split is what the papers call the test set of Natural Questions.
    const differs = split && figure.split !== '' && figure.split !== split && figure.task !== 'NQs';
    return differs && `items are of ${split} here, of ${figure.split} there`;
  },

  function otherShots({ figure, result }) {
    if (result.shots === 0) return false;
    const { min, mean, max } = result.shots_used;
    const used = min === max ? String(max) : `${mean.toFixed(1)} on average`;
    const asked = used === String(result.shots) ? '' : ` of ${result.shots}`;
    if (figure.k === null) return `${used}${asked} shots here; how many there is not said`;
    return used !== String(figure.k) && `${used}${asked} shots here, ${figure.k} there`;
  },

  /** Section 2.4: shots come from the training set, or from dev where there is none; Winograd's from its own. */
  function otherPool(compared) {
    const { figure, identity, result } = compared;
    return (
      isGpt3(compared) &&
      result.shots !== 0 &&
      figure.split !== '' &&
      figure.task !== 'Winograd' &&
      identity.shot_pool.includes('minus the scored item') &&
      `shots are of ${identity.shot_pool} here, of the training set, or dev where there is none, there (section 2.4)`
    );
  },

  /** Tables H.1 and C.1 hold the same few-shot runs with different shots: CoQA 85.0 and 86.0, CB 82.1 and 80.4. */
  function drawOfShots(compared) {
    const { result } = compared;
    return (
      isGpt3(compared) &&
      result.shots !== 0 &&
      "another draw of shots moves the paper's own figures by about a point (tables H.1 and C.1)"
    );
  },

  function subset({ result: { n, unscored }, spec: { limit } }) {
    return limit !== null && n + unscored === limit && `a random subset of ${limit} items here`;
  },

  /** Unless the protocol leaves some out, which is said elsewhere. */
  function otherData({ result: { n, unscored }, spec: { limit }, task, identity }) {
    const protocol = task.protocols[identity.protocol];
    const whole = limit === null && protocol && !('scores' in protocol && protocol.scores);
    const differs = task.examples !== undefined && n + unscored !== task.examples;
    return whole && differs && `${n + unscored} items here, ${task.examples} in the published set`;
  },

  function notAll({ result: { n, unscored } }) {
    return unscored > 0 && `${unscored} of ${n + unscored} items are unscored here`;
  },

  function cut({ result: { tokens_dropped } }) {
    return tokens_dropped > 0 && `${tokens_dropped} tokens were cut to fit the window here`;
  },

  /** GPT-2 paper, section 3.3: the filter takes 1542M from 52.66 to 63.24, which is Table 3's figure. */
  function stopWords({ figure, metric }) {
    if (figure.metric !== 'acc_filtered') return false;
    if (metric !== 'acc_filtered')
      return 'there without stop words among the answers, here with: that took 1542M from 52.7 to 63.2 (section 3.3)';
    return 'the stop words are our own list, theirs was not published (section 3.3)';
  },

  /** GPT-3 paper, section 2.4. */
  function otherChoice(compared) {
    const { figure, metric } = compared;
    if (!isGpt3(compared) || kindOf(compared) !== 'choice' || !metric.startsWith('acc')) return false;
    const ratio = /^(ARC|OpenBookQA|RACE)/.test(figure.task);
    const theirs = ratio ? 'acc_uncond' : 'acc_token';
    return (
      metric !== theirs &&
      `choices are compared by ${metric} here, by log-likelihood ${ratio ? 'less that of the choice alone' : 'per token in most tasks'} there (section 2.4)`
    );
  },

  /** These have only a target completion in appendix G, and small models score 0.0 on CB, which no ranking does. */
  function writtenAnswer(compared) {
    return (
      isGpt3(compared) &&
      kindOf(compared) === 'choice' &&
      ['BoolQ', 'CB', 'RTE', 'WiC', 'WSC'].includes(compared.figure.task) &&
      'answers are ranked here and seem to have been written by the model there (appendix G, zero-shot CB)'
    );
  },

  /** GPT-3 paper, section 3.9.1: the answer is to be generated exactly. */
  function exactAnswer(compared) {
    return (
      isGpt3(compared) &&
      compared.metric === 'acc' &&
      /^\d(D[+x-]|DC)$/.test(compared.figure.task) &&
      'a longer number that begins with the answer is right here, wrong there (section 3.9.1)'
    );
  },

  /** lm-eval scores 500 questions of CoQA's dev set and 1045 of RACE-h's test set; Table C.1 has 7983 and 3498. */
  function lastQuestion({ figure, identity }) {
    return (
      SOURCES[figure.source].paper &&
      identity.protocol === 'lm-eval' &&
      /^(CoQA|RACE)/.test(figure.task) &&
      "the lm-eval protocol scores each passage's last question, the paper every one"
    );
  },

  /** GPT-2 paper, section 3.1. */
  function perUnit(compared) {
    const { figure, result } = compared;
    if (kindOf(compared) !== 'rolling' || figure.source !== 'GPT-2 paper') return false;
    const window = result.window
      ? `; windows here: ${result.window.context} tokens, stride ${result.window.stride}`
      : '';
    return `there per unit of the original text after detokenisers that were not published, worth 2.5 to 5 of perplexity (section 3.1)${window}`;
  },

  /** GPT-3 paper, table H.1: few-shot English to French is 32.6 by the one and 39.9 by the other. */
  function otherBleu({ figure, metric }) {
    if (figure.metric === 'bleu_mb') return "BLEU is multi-bleu's after XLM's tokenisation there";
    if (figure.metric === 'bleu') return 'the paper does not say how BLEU was tokenised (section 3.7)';
    return (
      figure.metric === 'bleu_sb' &&
      metric !== 'bleu_intl' &&
      "BLEU is sacreBLEU's with the tokenisation intl there, here with its default 13a (appendix H)"
    );
  },

  /** GPT-3 paper, section 2.4: a beam of 4 with a length penalty of 0.6 for answers of free form. */
  function beams(compared) {
    const protocol = compared.task.protocols[compared.identity.protocol];
    return (
      isGpt3(compared) &&
      protocol?.kind === 'generate' &&
      protocol.beams === undefined &&
      'answers are decoded greedily here, with a beam of 4 there (section 2.4)'
    );
  },

  function precision({ spec: { dtype } }) {
    return dtype !== 'fp32' && `computed in ${dtype} here`;
  },

  function confidence({ figure }) {
    return figure.confidence !== 'high' && `the figure itself is of ${figure.confidence} confidence`;
  },

  function note({ figure }) {
    return figure.note !== '' && `of the figure: ${figure.note}`;
  },
];
