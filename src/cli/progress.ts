/** Progress on stderr: a line that rewrites itself on a terminal, a plain line now and then elsewhere. */
export interface Progress {
  /** A lasting line. */
  note(text: string): void;
  /** The state of what goes on now. */
  update(text: string): void;
  /** Ends the moving line. */
  end(): void;
}

const TERMINAL_MS = 100;
const PLAIN_MS = 10_000;

export function progressOn(stream: NodeJS.WriteStream): Progress {
  // Off a terminal the first line waits too: a short run prints none.
  let last = stream.isTTY ? 0 : Date.now();
  let moving = false;
  const clear = (): void => {
    if (moving) stream.write('\r\u001b[K');
    moving = false;
  };
  return {
    note(text) {
      clear();
      stream.write(`${text}\n`);
    },
    update(text) {
      const now = Date.now();
      if (now - last < (stream.isTTY ? TERMINAL_MS : PLAIN_MS)) return;
      last = now;
      if (!stream.isTTY) {
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

/** "1:05:09", "4:30" or "12 s". */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
