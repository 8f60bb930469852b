import { fileURLToPath } from 'node:url';
import { type InterfaceDeclaration, type Node, type SourceFile, SyntaxKind } from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A field of an interface, as its source says it. */
export interface Field {
  readonly name: string;
  readonly optional: boolean;
  readonly type: string;
  readonly doc: string;
}

/** A declaration: what it is, and what is said of it. */
export interface Declaration {
  readonly name: string;
  /** From the repository's root. */
  readonly file: string;
  readonly doc: string;
  /** Source without the docstring, and without a function's or a class's body or a constant's value. */
  readonly code: string;
  /** Of an interface: its own fields. */
  readonly fields: readonly Field[];
  /** Of an interface: what it takes its other fields from. */
  readonly inherits: readonly string[];
}

export interface Sources {
  /** A top-level declaration of a file. @throws where there is none of that name */
  declaration(file: string, name: string): Declaration;
  /** Names that a file exports from others, and those files. */
  reexports(file: string): readonly { readonly name: string; readonly file: string }[];
  close(): void;
}

/**
 * Reads declarations and docstrings out of the sources, by the compiler's own parser. TypeScript 7 offers it under
 * `typescript/unstable` only, from a child process: it is used for what is a tree of syntax, never for types, and
 * nowhere but in these pages. As all exports state their types (isolatedDeclarations), the source says all there is.
 */
export function openSources(): Sources {
  const api = new API({ cwd: root });
  const [project] = api.updateSnapshot({ openProject: `${root}tsconfig.json` }).getProjects();
  const parse = (file: string): SourceFile => {
    const found = project?.program.getSourceFile(`${root}${file}`);
    if (!found) throw new Error(`${file}: expected a file of tsconfig.json`);
    return found;
  };
  return {
    declaration: (file, name) => declarationIn(parse(file), file, name),
    reexports: (file) => reexportsOf(parse(file), file),
    close: () => api.close(),
  };
}

/** What the nodes that are read here have in common; most kinds of node lack most of it. */
interface Loose extends Node {
  readonly jsDoc?: readonly Node[];
  readonly name?: Loose;
  readonly text?: string;
  readonly body?: Node;
  readonly type?: Node;
  readonly declarationList?: { readonly declarations: readonly Loose[] };
  readonly moduleSpecifier?: { readonly text: string };
  readonly exportClause?: { readonly elements: readonly { readonly name: Loose }[] };
}

function declarationIn(source: SourceFile, file: string, name: string): Declaration {
  for (const statement of source.statements as readonly unknown[] as readonly Loose[]) {
    const constant = statement.declarationList?.declarations.find((one) => one.name?.text === name);
    if (statement.name?.text !== name && !constant) continue;
    const begin = codeStart(source, statement);
    const isClass = statement.kind === SyntaxKind.ClassDeclaration;
    const end = constant
      ? (constant.type?.end ?? constant.end)
      : isClass
        ? source.text.indexOf('{', begin)
        : (statement.body?.pos ?? statement.end);
    const isInterface = statement.kind === SyntaxKind.InterfaceDeclaration;
    const declared = statement as unknown as InterfaceDeclaration;
    const fields = isInterface ? (declared.members as readonly unknown[] as readonly Loose[]) : [];
    return {
      name,
      file,
      doc: docOf(source, statement),
      code: source.text
        .slice(begin, end)
        .trim()
        .replace(/^(?:export )?(?:async )?/, ''),
      fields: fields.map((field) => fieldOf(source, field)),
      inherits: isInterface
        ? (declared.heritageClauses ?? []).flatMap((clause) =>
            clause.types.map((type) => source.text.slice(type.pos, type.end).trim()),
          )
        : [],
    };
  }
  throw new Error(`${file}: expected a declaration of ${name}`);
}

function reexportsOf(source: SourceFile, file: string): { name: string; file: string }[] {
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  return (source.statements as readonly unknown[] as readonly Loose[]).flatMap((statement) =>
    (statement.exportClause?.elements ?? []).map((element) => ({
      name: element.name.text as string,
      file: `${folder}${statement.moduleSpecifier?.text.replace('./', '')}`,
    })),
  );
}

function fieldOf(source: SourceFile, field: Loose): Field {
  const begin = codeStart(source, field);
  const text = source.text.slice(begin, field.end).replace(/;$/, '');
  const name = field.name
    ? source.text
        .slice(field.name.pos, field.name.end)
        .replace(/^.*\*\//s, '')
        .trim()
    : text;
  const isMethod = field.kind === SyntaxKind.MethodSignature;
  const type = isMethod ? text : field.type ? source.text.slice(field.type.pos, field.type.end) : '';
  return {
    name,
    optional: field.name !== undefined && source.text[field.name.end] === '?',
    type: plain(type),
    doc: docOf(source, field),
  };
}

/** Where a node's own text begins, behind its docstring and other comments. */
function codeStart(source: SourceFile, node: Loose): number {
  let at = node.jsDoc?.at(-1)?.end ?? node.pos;
  for (;;) {
    const skipped = /^(?:\s+|\/\/.*|\/\*[\s\S]*?\*\/)/.exec(source.text.slice(at, at + 5000));
    if (!skipped) return at;
    at += skipped[0].length;
  }
}

function docOf(source: SourceFile, node: Loose): string {
  const doc = node.jsDoc?.at(-1);
  if (!doc) return '';
  return source.text
    .slice(doc.pos, doc.end)
    .replace(/^\s*\/\*\*/, '')
    .replace(/\*\/\s*$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
    .join('\n')
    .trim();
}

/** A type on one line, without comments and without what says only that it is not written to. */
function plain(type: string): string {
  return type
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\breadonly /g, '')
    .replace(/\s+/g, ' ')
    .replace(/^ ?\| /, '')
    .replace(/; \}/g, ' }')
    .trim();
}
