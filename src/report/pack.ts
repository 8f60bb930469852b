import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { Html } from './html.ts';

/** JSON that may stand inside a script element: nothing in it ends the element or opens a comment. */
export function jsonForScript(value: unknown): Html {
  return new Html(
    JSON.stringify(value).replace(
      /[<>&\u2028\u2029]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
}

/** Text deflated (zlib format, as the browser's DecompressionStream reads it), in base64. */
export function pack(text: string): string {
  return deflateSync(text, { level: 9 }).toString('base64');
}

/** What a Content-Security-Policy names an inline script or style by. */
export function cspHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
