import type { RunRecord } from '../record.ts';
import { isOfLmEval } from '../store/spec-file.ts';
import { count, describeBackend } from './format.ts';
import { type Html, html } from './html.ts';
import type { Run } from './merge.ts';

/** What identifies each run, so that a reader can repeat it: command, versions, device, seed, hashes. */
export function identities(runs: readonly Run[]): Html {
  return html`${runs.map(
    (run) => html`<h3>${run.name}</h3>
<dl class="identity">
${identity(run.record).map(([term, text]) => html`<dt>${term}</dt><dd>${text}</dd>\n`)}
</dl>
${hashes(run.record)}
${run.record.environment.warnings.length > 0 && html`<p>Warnings of the run:</p><ul>${run.record.environment.warnings.map((w) => html`<li>${w}</li>`)}</ul>`}
`,
  )}`;
}

function identity(record: RunRecord): [string, Html | string][] {
  const { spec, environment } = record;
  const seconds = record.cost.reduce((sum, { seconds }) => sum + seconds, 0);
  const tokens = record.cost.reduce((sum, { tokens_computed }) => sum + tokens_computed, 0);
  return [
    isOfLmEval(spec) ? ['made by', spec.evalgpt] : ['command', html`<code>${commandOf(record)}</code>`],
    ['status', record.status],
    ...(isOfLmEval(spec) ? [] : [['evalgpt', spec.evalgpt] as [string, string]]),
    ['git', environment.git ?? 'unknown'],
    [
      'environment',
      `Node ${environment.node}, onnxruntime ${environment.ort}, ${environment.platform}, ${count(environment.threads, 'thread')}`,
    ],
    ['device, precision', `${spec.device}, ${spec.dtype}`],
    ...environment.backends.map((b): [string, string] => [`${b.model} ran on`, describeBackend(b)]),
    ['seed', String(spec.seed)],
    ['limit', spec.limit === null ? 'none' : `${spec.limit} items a task`],
    ['overflow', spec.overflow],
    ...(record.cost.length > 0
      ? [
          ['cost', `${seconds.toFixed(1)} s, ${tokens.toLocaleString('en-US')} tokens computed`] as [
            string,
            string,
          ],
        ]
      : []),
  ];
}

/** Weights, data and prompts by their SHA-256. */
function hashes({ spec }: RunRecord): Html {
  return html`<details><summary>Hashes of ${count(spec.models.length, 'model')} and ${count(spec.tasks.length, 'task')}</summary>
<div class="wide" tabindex="0" role="region" aria-label="Hashes of models"><table>
<thead><tr><th scope="col">model</th><th scope="col">architecture</th><th class="number" scope="col">parameters</th><th scope="col">weights, sha256</th><th scope="col">tokenizer</th><th scope="col">config</th></tr></thead>
<tbody>
${spec.models.map((m) => html`<tr><th scope="row">${m.ref}${m.commit && `@${m.commit}`}</th><td>${m.architecture}</td><td class="number">${m.parameters.toLocaleString('en-US')}</td><td><code>${m.sha256}</code></td><td><code>${m.tokenizer_sha256?.slice(0, 16)}</code></td><td><code>${m.config_sha256?.slice(0, 16)}</code></td></tr>\n`)}
</tbody></table></div>
<div class="wide" tabindex="0" role="region" aria-label="Hashes of tasks"><table>
<thead><tr><th scope="col">task</th><th scope="col">version, protocol</th><th scope="col">data</th><th scope="col">data, sha256</th><th scope="col">prompts</th><th scope="col">shots from</th></tr></thead>
<tbody>
${spec.tasks.map((t) => html`<tr><th scope="row">${t.name}</th><td>${t.version}, ${t.protocol}</td><td>${t.file ?? t.dataset}</td><td><code>${t.dataset_sha256?.slice(0, 16) || 'unknown'}</code></td><td><code>${t.prompts_sha256?.slice(0, 16)}</code></td><td>${t.shot_pool} (${t.draw} draw)</td></tr>\n`)}
</tbody></table></div>
</details>`;
}

/** The command that makes the run again; an option that has its default is left out. */
function commandOf({ spec }: RunRecord): string {
  const tasks = spec.tasks.filter(
    (task) => task.file === undefined && !(task.name === 'text' && spec.texts.length > 0),
  );
  const options: [string, string | null][] = [
    ['model', spec.models.map(({ ref }) => ref).join(',')],
    ['revision', spec.revision],
    ['tasks', tasks.map(({ name }) => name).join(',') || null],
    ['task', spec.taskFiles.join(',') || null],
    ['text', spec.texts.join(',') || null],
    ['shots', spec.shots.join(',')],
    ['protocol', spec.protocol],
    ['draw', spec.draw],
    ['draws', spec.draws === 1 ? null : String(spec.draws)],
    ['limit', spec.limit === null ? null : String(spec.limit)],
    ['seed', String(spec.seed)],
    ['device', spec.device === 'auto' ? null : spec.device],
    ['dtype', spec.dtype === 'fp32' ? null : spec.dtype],
    ['overflow', spec.overflow === 'drop-shots' ? null : spec.overflow],
    ['stride', spec.stride === null ? null : String(spec.stride)],
    ['overlap', spec.overlap.join(',') || null],
    ['tokenizer', spec.tokenizer ?? null],
    ['context-length', spec.contextLength === undefined ? null : String(spec.contextLength)],
  ];
  return [
    'evalgpt run',
    ...options.flatMap(([name, value]) => (value === null ? [] : [`--${name} ${shellWord(value)}`])),
  ].join(' ');
}

/** A word as a shell takes it for itself. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
