import type { RunEvent } from '../evaluate/events.ts';
import { describeBackend } from '../report/format.ts';
import { downloadReporter, formatSeconds, type Progress } from './progress.ts';

/** Tells a run's events on a progress. */
export function reporter(progress: Progress): (event: RunEvent) => void {
  const download = downloadReporter(progress);
  let task = '';
  let began = 0;
  return (event) => {
    switch (event.kind) {
      case 'folder':
        return event.resumed ? progress.note(`resuming ${event.path}`) : undefined;
      case 'download':
        return download(event);
      case 'warning':
        return progress.note(`warning: ${event.message}`);
      case 'model': {
        const { ref, architecture, parameters } = event.identity;
        // An API need not tell the size.
        const size =
          parameters === 0
            ? 'parameters unknown'
            : `${(parameters / 1e6).toFixed(parameters < 1e7 ? 2 : 0)} M parameters`;
        return progress.note(
          `${ref}: ${architecture}, ${size}, window ${event.contextLength}, loaded in ${event.seconds.toFixed(1)} s on ${describeBackend(event.backend)}`,
        );
      }
      case 'progress': {
        const name = `${event.model} ${event.task}`;
        if (name !== task) {
          task = name;
          began = performance.now();
        }
        const seconds = (performance.now() - began) / 1000;
        const speed = event.done / Math.max(seconds, 1e-3);
        const left = formatSeconds((event.total - event.done) / speed);
        const share = `${((100 * event.done) / event.total).toFixed(0)} %`;
        const reused = `${(100 * event.reused).toFixed(0)} % of tokens reused`;
        return progress.update(
          `${event.task}: ${share} of ${event.total} tokens, ${speed.toFixed(0)}/s, ${reused}, ${left} left`,
        );
      }
      case 'cell':
        return;
    }
  };
}
