import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnServe } from '../helpers/served.ts';

/**
 * `evalgpt serve` under wrk on the loopback address: throughput, latency, memory, and whether the limits hold.
 * npx tsx tests/bench/serve.ts [MODEL] [SECONDS]; wrk must be installed.
 */
const [model = 'demo-tiny', seconds = '10'] = process.argv.slice(2);

interface Load {
  readonly name: string;
  readonly connections: number;
  /** Lua that sets `wrk.*` and may define `request`. */
  readonly lua: string;
}

const JSON_POST = `wrk.method = "POST"; wrk.path = "/v1/completions"; wrk.headers["Content-Type"] = "application/json"`;
/** Prompts of 32 tokens that nobody asked before: nothing is shared but by chance. */
const RANDOM_IDS = `local function ids(n) local t = {} for i = 1, n do t[i] = math.random(0, 255) end return table.concat(t, ",") end`;
const body = (rest: string): string =>
  `${JSON_POST}
${RANDOM_IDS}
request = function() return wrk.format(nil, nil, nil, '{"prompt":[' .. ids(32) .. '],${rest}}') end`;
const SCORE = body('"echo":true,"logprobs":1,"max_tokens":0');

const LOADS: readonly Load[] = [
  { name: 'GET /health', connections: 16, lua: 'wrk.path = "/health"' },
  ...[1, 16, 64, 250].map((connections) => ({ name: 'score 32 tokens', connections, lua: SCORE })),
  { name: 'write 16 tokens behind 32', connections: 16, lua: body('"max_tokens":16') },
  { name: 'score 32 tokens, past the limit of 256', connections: 400, lua: SCORE },
  {
    name: 'bodies past the limit of 64 KiB',
    connections: 8,
    lua: `${JSON_POST}\nwrk.body = string.rep("x", 100000)`,
  },
  { name: 'score 32 tokens, again', connections: 16, lua: SCORE },
];

/** Counts answers by their status. */
const COUNT = `
local threads = {}
setup = function(thread) table.insert(threads, thread) end
init = function(args) math.randomseed(os.time()); statuses = "" ; counts = {} end
response = function(status) counts[status] = (counts[status] or 0) + 1
  statuses = "" for s, n in pairs(counts) do statuses = statuses .. s .. ":" .. n .. " " end end
done = function(summary, latency)
  local all = "" for _, t in ipairs(threads) do all = all .. t:get("statuses") end
  io.write(string.format('RESULT {"requests":%d,"us":%d,"p50":%d,"p99":%d,"errors":%d,"timeouts":%d,"statuses":"%s"}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write, summary.errors.timeout, all))
end`;

interface Result {
  readonly requests: number;
  readonly us: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly statuses: string;
}

const rss = (pid: number, what: 'VmRSS' | 'VmHWM'): string => {
  const found = new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return `${Math.round(Number(found?.[1] ?? 0) / 1024)}`;
};

const folder = mkdtempSync(join(tmpdir(), 'evalgpt-wrk-'));
try {
  await using served = await spawnServe(['--model', model, '--device', 'cpu', '--max-body', '65536']);
  console.log(
    '| load | connections | answers/s | p50, ms | p99, ms | answers by status | broken | RSS, MiB |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { name, connections, lua } of LOADS) {
    const script = join(folder, 'load.lua');
    writeFileSync(script, `${lua}\n${COUNT}\n`);
    const options = [
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--timeout',
      '10s',
      '-s',
      script,
      served.url,
    ];
    const text = execFileSync('wrk', options, { encoding: 'utf8' });
    const result = JSON.parse(/RESULT (.*)/.exec(text)?.[1] ?? 'null') as Result;
    const ms = (us: number): string => (us / 1000).toFixed(1);
    const perSecond = (result.requests / (result.us / 1e6)).toFixed(0);
    const broken = result.errors + result.timeouts;
    console.log(
      `| ${name} | ${connections} | ${perSecond} | ${ms(result.p50)} | ${ms(result.p99)} | ${result.statuses.trim()} | ${broken} | ${rss(served.pid, 'VmRSS')} |`,
    );
  }
  console.log(`\nLargest resident size: ${rss(served.pid, 'VmHWM')} MiB.`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
