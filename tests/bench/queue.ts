import { random } from '../../src/stats/random.ts';

/**
 * What a run of very many jobs on very many workers would come to, on paper: Redis and the coordinator as two servers
 * that take one thing at a time, the workers as clients. A pure, seeded simulation; what it rests on was measured with
 * Redis 7.0.15 and BullMQ 6.7.0 on two cores. `npx tsx tests/bench/queue.ts` prints the tables of .github/docs/cluster/README.md.
 */

/** Seconds of Redis's thread for a job, from its adding to its collection, and for a worker's signs of life a second. */
const REDIS_JOB = 0.19e-3;
const REDIS_WORKER = (1 + 1 / 15) * 0.01e-3;
/** Commands of a job inside Redis, those of BullMQ's scripts counted. */
const COMMANDS = 32;
/** Bytes that a job takes in Redis while it waits, and when its result is collected. */
const BYTES_WAITING = 1389;
const BYTES_DONE = 2066;
/** Seconds of the coordinator for a result: the fixed part, and for a sample (unpacked, checked, hashed, written). */
const COLLECT_JOB = 1e-3;
const COLLECT_SAMPLE = 17e-6;
/** Bytes of a sample in a result as it lies in Redis, gzipped, and, estimated, in the coordinator's memory. */
const BYTES_SAMPLE = 53;
const BYTES_KNOWN = 130;

interface Scenario {
  readonly name: string;
  readonly workers: number;
  readonly jobs: number;
  /** Mean; single jobs take from half to one and a half of it. */
  readonly seconds: number;
  readonly samples: number;
  /** Redis is away from one tenth of the ideal time on, for so many seconds; a lock lasts 30. */
  readonly outage: number;
}

interface Outcome {
  readonly hours: number;
  /** Ideal time over the time that it took. */
  readonly efficiency: number;
  readonly redisBusy: number;
  readonly commands: number;
  readonly coordinatorBusy: number;
  /** Largest number of results that wait for the coordinator. */
  readonly backlog: number;
  readonly redisBytes: number;
  readonly coordinatorBytes: number;
  /** Jobs that were scored a second time. */
  readonly again: number;
}

const LOCK_SECONDS = 30;

function simulate({ name, workers, jobs, seconds, samples, outage }: Scenario): Outcome {
  const draw = random('queue', name);
  const ideal = (jobs * seconds) / workers;
  const [from, to] = outage > 0 ? [0.1 * ideal, 0.1 * ideal + outage] : [Infinity, Infinity];
  // Workers by the time at which they want to report; all start together.
  const free = Array.from({ length: workers }, () => seconds * (0.5 + draw.next()));
  const heap = makeHeap(free);
  const collect = COLLECT_JOB + COLLECT_SAMPLE * samples;
  const departures: number[] = [];
  const busyShare = workers * REDIS_WORKER;
  let [redisFree, coordinatorFree, left, now] = [0, 0, jobs, 0];
  let [again, backlog, gone] = [0, 0, 0];
  let isAfter = false;
  while (left > 0) {
    const worker = heap.top();
    const wants = free[worker] as number;
    if (!isAfter && wants > from) {
      isAfter = true;
      // What every worker holds is given to another as well; the first result wins.
      if (outage > LOCK_SECONDS) {
        again = Math.min(workers, left);
        left += again;
      }
    }
    const at = wants > from && wants < to ? to : wants;
    now = Math.max(at, redisFree) + REDIS_JOB / Math.max(0.01, 1 - busyShare);
    redisFree = now;
    left--;
    free[worker] = now + seconds * (0.5 + draw.next());
    heap.down();
    coordinatorFree = Math.max(coordinatorFree, now) + collect;
    departures.push(coordinatorFree);
    while ((departures[gone] as number) <= now) gone++;
    backlog = Math.max(backlog, departures.length - gone);
  }
  const end = Math.max(now, coordinatorFree);
  return {
    hours: end / 3600,
    efficiency: ideal / end,
    redisBusy: ((jobs + again) * REDIS_JOB) / end + busyShare,
    commands: ((jobs + again) * COMMANDS) / end,
    coordinatorBusy: (jobs * collect) / end,
    backlog,
    redisBytes: jobs * Math.max(BYTES_WAITING, BYTES_DONE) + backlog * samples * BYTES_SAMPLE,
    coordinatorBytes: jobs * samples * BYTES_KNOWN,
    again,
  };
}

/** A binary heap of indexes, the one with the least value on top; `down` restores it when that value has grown. */
function makeHeap(values: readonly number[]): { top(): number; down(): void } {
  const heap = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  return {
    top: () => heap[0] as number,
    down() {
      let at = 0;
      for (;;) {
        const least = [2 * at + 1, 2 * at + 2]
          .filter((child) => child < heap.length)
          .concat(at)
          .reduce((a, b) =>
            (values[heap[b] as number] as number) < (values[heap[a] as number] as number) ? b : a,
          );
        if (least === at) return;
        [heap[at], heap[least]] = [heap[least] as number, heap[at] as number];
        at = least;
      }
    },
  };
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'a million requests', workers: 1000, jobs: 1300, seconds: 60, samples: 768, outage: 0 },
  { name: 'ten million requests', workers: 1000, jobs: 13_000, seconds: 60, samples: 768, outage: 0 },
  { name: 'a million jobs', workers: 1000, jobs: 1_000_000, seconds: 60, samples: 768, outage: 0 },
  { name: 'of ten seconds', workers: 1000, jobs: 1_000_000, seconds: 10, samples: 128, outage: 0 },
  { name: 'of one second', workers: 1000, jobs: 1_000_000, seconds: 1, samples: 16, outage: 0 },
  { name: 'of a fifth of a second', workers: 1000, jobs: 1_000_000, seconds: 0.2, samples: 4, outage: 0 },
  { name: '20 s without Redis', workers: 1000, jobs: 1_000_000, seconds: 10, samples: 128, outage: 20 },
  { name: '120 s without Redis', workers: 1000, jobs: 1_000_000, seconds: 10, samples: 128, outage: 120 },
];

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const gigabytes = (bytes: number): string => `${Number((bytes / 1e9).toPrecision(2))} GB`;
console.log(
  '| 1,000 workers | jobs | s a job | hours | efficiency | Redis busy | commands/s | coordinator busy | backlog | Redis holds | coordinator holds | twice |',
);
console.log('|---|---|---|---|---|---|---|---|---|---|---|---|');
for (const scenario of SCENARIOS) {
  const o = simulate(scenario);
  const cells = [
    ...[scenario.name, scenario.jobs.toLocaleString('en'), scenario.seconds, o.hours.toFixed(2)],
    ...[percent(o.efficiency), percent(o.redisBusy), Math.round(o.commands).toLocaleString('en')],
    ...[percent(o.coordinatorBusy), o.backlog.toLocaleString('en'), gigabytes(o.redisBytes)],
    ...[gigabytes(o.coordinatorBytes), o.again.toLocaleString('en')],
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
