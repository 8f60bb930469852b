import type { CellResult, ModelIdentity, PublishedComparison, RunRecord } from '../record.ts';
import type { Task } from '../task.ts';
import { type Figure, SOURCE_NAMES, SOURCES, type SourceName } from './figures.ts';
import { whyDifferent } from './reasons.ts';

/** What decides which figures belong to a result. */
export interface JoinContext {
  readonly figures: readonly Figure[];
  readonly tasks: readonly Task[];
  readonly spec: RunRecord['spec'];
}

/** What figures call the models that OpenAI published, by their names on the hub. */
const OPENAI = 'openai-community/';
const OWN_FIGURES: Readonly<Record<string, readonly string[]>> = {
  gpt2: ['GPT-2 117M', 'gpt2'],
  'gpt2-medium': ['GPT-2 345M', 'gpt2-medium'],
  'gpt2-large': ['GPT-2 762M', 'gpt2-large'],
  'gpt2-xl': ['GPT-2 1542M', 'gpt2-xl'],
};
/** Models of at most so many times each other's parameters are of comparable size. */
const COMPARABLE = 2;

/**
 * A result with the published figures that may stand beside it: of the same model where there are, else each paper's
 * of the nearest comparable size. A pure function of the spec, the results and the figures.
 */
export function withPublished(result: CellResult, context: JoinContext): CellResult {
  const published = publishedOf(result, context);
  return published.length === 0 ? result : { ...result, published };
}

function publishedOf(result: CellResult, { figures, tasks, spec }: JoinContext): PublishedComparison[] {
  const task = tasks.find(({ name }) => name === result.task);
  const model = spec.models.find(({ ref }) => ref === result.model);
  const identity = spec.tasks.find(({ name }) => name === result.task);
  if (task?.published === undefined || !model || !identity) return [];
  const shots = result.shots === 0 ? 'zero' : result.shots === 1 ? 'one' : 'few';
  const candidates = figures.filter((f) => f.task === task.published && f.shots === shots);
  return SOURCE_NAMES.flatMap((source) => {
    const own = candidates.filter((f) => f.source === source);
    return metricsFor(source, task, result).flatMap((metric) =>
      figuresFor(own, metricsOf(source, metric), model).map((figure) => {
        const measured = result.metrics[metric]?.value ?? Number.NaN;
        const same = isSame(figure, model);
        return {
          source,
          model: figure.model,
          where: figure.where,
          metric,
          shots,
          k: figure.k,
          value: figure.value,
          measured,
          difference: measured - figure.value,
          same,
          why: whyDifferent({ figure, metric, same, result, model, task, identity, spec }),
        };
      }),
    );
  });
}

/** True for accuracies that differ in how an answer is found, not in which answers are allowed or what is asked. */
function isAccuracy(metric: string): boolean {
  return /^acc(?!_last|_filtered)/.test(metric);
}

/**
 * The measured metrics that a source's figures may stand beside. A paper prints one accuracy where we measure several:
 * beside it stand the run's primary one and the one that is computed as the paper's was, if that is measured.
 */
function metricsFor(source: SourceName, task: Task, result: CellResult): string[] {
  const measured = Object.keys(result.metrics);
  const { paper, protocol } = SOURCES[source];
  if (!paper) return measured;
  const theirs = (protocol === null ? undefined : task.protocols[protocol])?.metrics.find(
    (m) => isAccuracy(m) && measured.includes(m),
  );
  return measured.filter((m) => !isAccuracy(m) || m === theirs || m === result.primary);
}

/** Metrics of a paper that stand beside one of ours by another name, the closest first; see reports/published. */
const PAPER_METRICS: Readonly<Record<string, readonly string[]>> = {
  em: ['em', 'acc'],
  f1_macro: ['f1'],
  ppl_word: ['ppl'],
  f1_binary: ['f1a'],
  bleu: ['bleu_sb', 'bleu', 'bleu_mb'],
  bleu_intl: ['bleu_sb'],
};

/** What a source calls a metric of ours, the closest first. All but the papers use our names. */
function metricsOf(source: SourceName, metric: string): readonly string[] {
  if (!SOURCES[source].paper) return [metric];
  return isAccuracy(metric) ? ['acc', 'acc_filtered'] : (PAPER_METRICS[metric] ?? [metric]);
}

/** Figures of the model itself; else, of a paper, those of the model of nearest size. Of one metric, the closest. */
function figuresFor(figures: readonly Figure[], metrics: readonly string[], model: ModelIdentity): Figure[] {
  const fitting = figures.filter((f) => metrics.includes(f.metric));
  const same = fitting.filter((f) => isSame(f, model));
  const near = same.length > 0 ? same : nearest(fitting, model);
  const metric = metrics.find((name) => near.some((f) => f.metric === name));
  return near.filter((f) => f.metric === metric);
}

function nearest(figures: readonly Figure[], model: ModelIdentity): Figure[] {
  const distance = ({ source, parameters }: Figure): number =>
    SOURCES[source].paper && parameters !== null
      ? Math.abs(Math.log(model.parameters / parameters))
      : Number.POSITIVE_INFINITY;
  const least = Math.min(...figures.map(distance));
  return least <= Math.log(COMPARABLE) ? figures.filter((f) => distance(f) === least) : [];
}

/** True where the figure is of this model. A folder may hold anything: only a model of the hub is known by its name. */
function isSame(figure: Figure, { ref, commit }: ModelIdentity): boolean {
  if (commit === undefined) return false;
  const name = ref.startsWith(OPENAI) ? ref.slice(OPENAI.length) : ref;
  return Object.hasOwn(OWN_FIGURES, name) && OWN_FIGURES[name]?.includes(figure.model) === true;
}

/** How many figures of a metric a source has for a benchmark, and their range. */
export interface FigureRange {
  readonly source: SourceName;
  /** As in reports/published. */
  readonly metric: string;
  readonly count: number;
  readonly least: number;
  readonly most: number;
}

/** What there is of results for a benchmark; figures of overlap and contamination, which no run measures, aside. */
export function figureRanges(figures: readonly Figure[], key: string): FigureRange[] {
  const found = figures.filter((f) => f.task === key && !isOfData(f));
  return SOURCE_NAMES.flatMap((source) => {
    const own = found.filter((f) => f.source === source);
    return [...new Set(own.map((f) => f.metric))].map((metric) => {
      const values = own.filter((f) => f.metric === metric).map((f) => f.value);
      return { source, metric, count: values.length, least: Math.min(...values), most: Math.max(...values) };
    });
  });
}

function isOfData({ metric }: Figure): boolean {
  return /_(all|clean|dirty|pct|N|in_own_train|in_WebText|excluding_overlap)$/.test(metric);
}
