import { all, element } from './dom.ts';
import { packedText, unpack } from './unpack.ts';

const TYPES: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  md: 'text/markdown',
  json: 'application/json',
  svg: 'image/svg+xml',
};

/** The buttons that save the numbers, which lie packed in the page. */
export function saveExports(): void {
  for (const button of all<HTMLButtonElement>('button[data-save]')) {
    button.addEventListener('click', async () => {
      const name = button.dataset.save ?? '';
      save(`leaderboard.${name}`, await unpack(packedText('data-export', name) ?? ''));
    });
  }
}

/** A button a chart that saves it as SVG, with colours that any program reads. */
export function saveCharts(): void {
  for (const figure of all('figure[data-chart]')) {
    const { chart = 'chart' } = figure.dataset;
    const caption = figure.querySelector('figcaption');
    const label = `Save as SVG: ${caption?.textContent ?? chart}`;
    const button = element('button', { type: 'button', 'aria-label': label }, 'SVG');
    button.addEventListener('click', () => {
      const svg = figure.querySelector('svg')?.outerHTML ?? '';
      save(`${chart}.svg`, svg.replace(/var\(--[\w-]+, (#\w+)\)/g, '$1'));
    });
    caption?.append(button);
  }
}

function save(name: string, text: string): void {
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'text/plain';
  const url = URL.createObjectURL(new Blob([text], { type }));
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
