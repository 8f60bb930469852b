import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Request, Scored } from '../types.ts';
import { makeFolder } from './disk.ts';

/**
 * Scores of former runs by content: the key is everything that a score depends on but the company in which it was
 * computed, which moves it by less than 1e-4 nats. So a run that takes scores from here may differ in its last
 * digits from one that does not; it is used where the user asks for it.
 */
export interface ScoreCache {
  /** `banned` are the tokens that are never answers: scores that were asked without them do not tell. */
  get(request: Request, banned?: Int32Array): Scored | undefined;
  put(request: Request, scored: Scored, banned?: Int32Array): void;
  close(): Promise<void>;
}

/** Records: key [16], number of tokens [4], log-probabilities [4 n], flags [n], CRC-32 of all that [4]. */
const KEY_BYTES = 16;
const HEAD_BYTES = KEY_BYTES + 4;
const FLUSH_BYTES = 1 << 20;

/**
 * Opens the scores of one model under one way of computing them.
 * @param identity everything but the request that scores depend on: weights, config, tokenizer, graph version,
 *   precision, provider, runtime version, window
 */
export async function openScoreCache(
  folder: string,
  identity: readonly (string | number)[],
): Promise<ScoreCache> {
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  const own = join(folder, 'scores', name);
  await makeFolder(own);
  const known = new Map<string, Scored>();
  for (const file of (await readdir(own)).sort()) readSegment(await readFile(join(own, file)), known);

  let segment: FileHandle | undefined;
  let waiting: Buffer[] = [];
  let bytes = 0;
  let last = Promise.resolve();
  const flush = (): void => {
    const batch = Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
    last = last.then(async () => {
      if (batch.length === 0) return;
      // A segment a process: two may fill one cache at a time.
      segment ??= await open(join(own, `${Date.now()}-${process.pid}.bin`), 'ax');
      await segment.appendFile(batch);
    });
  };
  return {
    get: (request, banned) => known.get(keyOf(request, banned).toString('latin1')),
    put(request, scored, banned) {
      const key = keyOf(request, banned);
      if (known.has(key.toString('latin1'))) return;
      const { logprobs, hits, allowedHits } = scored;
      known.set(key.toString('latin1'), { logprobs, hits, ...(allowedHits ? { allowedHits } : {}) });
      const record = toRecord(key, scored);
      waiting.push(record);
      bytes += record.length;
      if (bytes >= FLUSH_BYTES) flush();
    },
    async close() {
      flush();
      await last;
      await segment?.close();
    },
  };
}

/** What is asked: the tokens, where the scored ones begin, and which are never answers. */
function keyOf(request: Request, banned: Int32Array | undefined): Buffer {
  const { tokens, start } = request;
  const hash = createHash('sha256').update(String(start));
  hash.update(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength));
  if (banned) hash.update(`banned ${banned.join()}`);
  return hash.digest().subarray(0, KEY_BYTES);
}

/** Of each token a byte says whether it is the most probable, and whether it is the most probable one allowed. */
const [HIT, ALLOWED, KNOWS_ALLOWED] = [1, 2, 4];

function toRecord(key: Buffer, { logprobs, hits, allowedHits }: Scored): Buffer {
  const n = logprobs.length;
  const record = Buffer.alloc(HEAD_BYTES + 5 * n + 4);
  key.copy(record);
  record.writeUInt32LE(n, KEY_BYTES);
  for (let i = 0; i < n; i++) {
    record.writeFloatLE(logprobs[i] as number, HEAD_BYTES + 4 * i);
    const allowed = allowedHits ? KNOWS_ALLOWED | (allowedHits[i] ? ALLOWED : 0) : 0;
    record[HEAD_BYTES + 4 * n + i] = (hits[i] ? HIT : 0) | allowed;
  }
  record.writeUInt32LE(crc32(record.subarray(0, -4)), record.length - 4);
  return record;
}

/** Reads records up to the end, or to the first that is cut short or damaged: what lies behind can't be trusted. */
function readSegment(bytes: Buffer, known: Map<string, Scored>): void {
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const n = bytes.readUInt32LE(at + KEY_BYTES);
    const end = at + HEAD_BYTES + 5 * n + 4;
    if (end > bytes.length || crc32(bytes.subarray(at, end - 4)) !== bytes.readUInt32LE(end - 4)) return;
    const logprobs = Float32Array.from({ length: n }, (_, i) => bytes.readFloatLE(at + HEAD_BYTES + 4 * i));
    const flags = bytes.subarray(at + HEAD_BYTES + 4 * n, at + HEAD_BYTES + 5 * n);
    const hits = Array.from(flags, (flag) => (flag & HIT) !== 0);
    const allowedHits = Array.from(flags, (flag) => (flag & ALLOWED) !== 0);
    const knows = flags.some((flag) => (flag & KNOWS_ALLOWED) !== 0);
    const key = bytes.toString('latin1', at, at + KEY_BYTES);
    known.set(key, { logprobs, hits, ...(knows ? { allowedHits } : {}) });
    at = end;
  }
}
