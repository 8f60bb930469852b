import type { DownloadEvent } from '../download.ts';
import { highlight } from './colour.ts';

/** Progress on stderr: a line that rewrites itself on a terminal, a plain line now and then elsewhere. */
export interface Progress {
  /** A lasting line. */
  note(text: string): void;
  /** The state of what goes on now. */
  update(text: string): void;
  /** Ends the moving line. */
  end(): void;
}

/** What progress needs of a stream. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & {
  write(text: string): unknown;
};

const TERMINAL_MS = 100;
const PLAIN_MS = 10_000;

export function progressOn(stream: ProgressStream): Progress {
  // A dumb terminal cannot erase what it shows.
  const moves = stream.isTTY && process.env.TERM !== 'dumb';
  // Off a terminal the first line waits too: a short run prints none.
  let last = moves ? 0 : Date.now();
  let moving = false;
  const clear = (): void => {
    if (moving) stream.write('\r\u001b[K');
    moving = false;
  };
  return {
    note(text) {
      clear();
      stream.write(`${highlight(text, stream)}\n`);
    },
    update(text) {
      const now = Date.now();
      if (now - last < (moves ? TERMINAL_MS : PLAIN_MS)) return;
      last = now;
      if (!moves) {
        stream.write(`${text}\n`);
        return;
      }
      // A terminal that tells no width is taken to have 80 columns.
      stream.write(`\r\u001b[K${text.slice(0, (stream.columns || 80) - 1)}`);
      moving = true;
    },
    end: clear,
  };
}

/** Tells of downloads: a lasting line at the start of each, then how far it is. */
export function downloadReporter(progress: Progress): (event: DownloadEvent) => void {
  let what = '';
  let began = 0;
  let from: number | undefined;
  return (event) => {
    if (event.what !== what || event.received === 0) {
      [what, began, from] = [event.what, performance.now(), event.received || undefined];
      const parts = [event.what, event.total === null ? undefined : formatBytes(event.total)];
      const licence = event.licence === null ? 'licence unknown' : `licence ${event.licence}`;
      return progress.note(
        `downloading ${[...parts, licence].filter((part) => part !== undefined).join(', ')}`,
      );
    }
    // What a former command received does not count for the speed.
    from ??= event.received;
    const seconds = Math.max((performance.now() - began) / 1000, 1e-3);
    const rate = (event.received - from) / seconds;
    const left =
      event.total === null || rate <= 0
        ? ''
        : `, ${formatSeconds((event.total - event.received) / rate)} left`;
    const share = event.total === null ? '' : ` of ${formatBytes(event.total)}`;
    progress.update(`${what}: ${formatBytes(event.received)}${share}, ${formatBytes(rate)}/s${left}`);
  };
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`;
}

/** "1:05:09", "4:30" or "12 s". */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
