import { type Sketch, writeRunFolder } from './run-folders.ts';

/** Text that breaks out of attributes, elements, scripts and styles where it is not escaped, and counts if it runs. */
export const HOSTILE = `</title></style></script><script>window.ran=1</script><img src=x onerror='window.ran=1'>"><b>&lt;i&gt;`;
/** Turns the reading direction, and characters of more than one code unit. */
const ODD = '\u202e\u2066abc שלום العربية 🏳️‍🌈👩‍👩‍👧\u0000\u001b[31m\u2028';

/** As a name of a task: a file is named by it. */
const TASK = `<script>window.ran=1<script>"><img src=x onerror='window.ran=1'>`;

/** A run folder whose every text is hostile, with lines of a megabyte. */
export function hostileFolder(folder: string): void {
  let count = 0;
  const long = `${HOSTILE}${'<b>x</b>'.repeat(1 << 17)}`;
  const sketch: Sketch = {
    seed: 3,
    models: [
      { ref: HOSTILE, parameters: 1000 },
      { ref: `b${ODD}`, parameters: 5000 },
    ],
    ...{ tasks: [TASK], shots: [0, 1], items: 12, dirty: 3 },
    // A choice, and the question of an item further on.
    text: (made) => ([20, 24].includes(count++) ? long : `${made}${HOSTILE}${ODD}\ud800`),
    warnings: [HOSTILE],
    spec: { device: HOSTILE as 'cpu', evalgpt: HOSTILE, revision: HOSTILE },
    result: ({ metrics }) => ({
      alarms: [HOSTILE],
      metrics: { ...metrics, [HOSTILE]: metrics.acc as NonNullable<typeof metrics.acc> },
      reasons: { [HOSTILE]: 1 },
      published: [
        {
          ...{
            source: `${HOSTILE} paper`,
            model: HOSTILE,
            where: HOSTILE,
            metric: 'acc',
            shots: 'zero',
            k: 0,
          },
          ...{ value: 0.5, measured: 0.4, difference: -0.1, same: true, why: [HOSTILE] },
        },
      ],
    }),
  };
  writeRunFolder(folder, sketch);
}
