/** Proves the import rules of `layers.ts` over the source tree. Prints one line a breach; exits 1 when there is one. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EDGES, IMPURE_EXPRESSIONS, MAINS, PURE_NODE_NAMES, PURE_PACKAGES, SOLE_IMPORTERS } from './layers.ts';
import { sourceFiles } from './source-files.ts';

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
  /** Imported names; `*` for a namespace, `default` for a default import. */
  readonly names: readonly string[];
}

const PROGRAMS = ['announcer', 'resolver', 'shared', 'cli'];

function matches(list: readonly string[], file: string): boolean {
  return list.some((entry) => (entry.endsWith('/') ? file.startsWith(entry) : file === entry));
}

type Layer = 'main' | 'edge' | 'pure';

function layerOf(file: string): Layer {
  if (matches(MAINS, file)) return 'main';
  return matches(EDGES, file) ? 'edge' : 'pure';
}

function importsOf(source: string): Import[] {
  const imports: Import[] = [];
  for (const match of source.matchAll(/^(?:import|export)\s+(type\s+)?([^;'"]*?)\s*from\s+['"]([^'"]+)['"]/gm)) {
    const clause = match[2] ?? '';
    const braces = /\{([^}]*)\}/.exec(clause)?.[1] ?? '';
    const named = braces
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    const values = named.filter((name) => !name.startsWith('type ')).map((name) => name.split(/\s+as\s+/)[0] as string);
    const rest = clause.replace(/\{[^}]*\}/, '').replace(/[,\s]/g, '');
    if (rest !== '') values.push(rest.startsWith('*') ? '*' : 'default');
    imports.push({
      from: match[3] as string,
      typeOnly: match[1] !== undefined || values.length === 0,
      names: values,
    });
  }
  for (const match of source.matchAll(/(?:^import\s+|\b(?:import|require)\()['"]([^'"]+)['"]/gm)) {
    imports.push({ from: match[1] as string, typeOnly: false, names: ['*'] });
  }
  return imports;
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function breachesOf(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  const breaches = importsOf(source).flatMap((each) => importBreaches(file, each));
  if (layerOf(file) === 'pure') {
    const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
    for (const expression of IMPURE_EXPRESSIONS) {
      const found = expression.exec(code);
      if (found !== null) breaches.push(`pure, but uses ${found[0]}: take it as an argument`);
    }
  }
  return breaches.map((breach) => `${file}: ${breach}`);
}

function importBreaches(file: string, { from, typeOnly, names }: Import): string[] {
  if (from.startsWith('.')) return relativeBreaches(file, join(dirname(file), from), typeOnly);
  const sole = SOLE_IMPORTERS[packageOf(from)];
  if (sole !== undefined && sole !== file) return [`imports ${from}, which only ${sole} may`];
  if (layerOf(file) !== 'pure' || typeOnly || sole === file) return [];
  if (from.startsWith('node:')) {
    const allowed = PURE_NODE_NAMES[from] ?? [];
    const refused = names.filter((name) => !allowed.includes(name));
    return refused.length === 0 ? [] : [`pure, but imports ${refused.join(', ')} from ${from}`];
  }
  return PURE_PACKAGES.includes(packageOf(from)) ? [] : [`pure, but imports ${from}`];
}

function relativeBreaches(file: string, target: string, typeOnly: boolean): string[] {
  const breaches: string[] = [];
  const [program, targetProgram] = [file.split('/')[0] as string, target.split('/')[0] as string];
  if (!existsSync(target)) breaches.push(`imports ${target}, which does not exist`);
  if (!PROGRAMS.includes(targetProgram))
    breaches.push(`imports ${target}: programs do not depend on ${targetProgram}/`);
  if (program !== targetProgram && targetProgram !== 'shared' && program !== 'cli') {
    breaches.push(`imports ${target}: announcer and resolver meet only in shared/`);
  }
  if (typeOnly) return breaches;
  const [layer, targetLayer] = [layerOf(file), layerOf(target)];
  if (layer === 'pure' && targetLayer !== 'pure') breaches.push(`pure, but imports ${target} (${targetLayer})`);
  if (layer === 'edge' && targetLayer === 'main') breaches.push(`edge, but imports ${target} (main)`);
  return breaches;
}

function staleEntries(): string[] {
  return [...MAINS, ...EDGES, ...Object.values(SOLE_IMPORTERS)]
    .filter((entry) => !existsSync(entry))
    .map((entry) => `scripts/layers.ts: names ${entry}, which does not exist`);
}

const files = sourceFiles(PROGRAMS);
const breaches = [...files.flatMap(breachesOf), ...staleEntries()];
for (const breach of breaches) console.error(breach);
console.log(`check-imports: ${files.length} files, ${breaches.length} breaches`);
process.exitCode = breaches.length === 0 ? 0 : 1;
