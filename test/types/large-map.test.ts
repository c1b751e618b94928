import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

const areas = Array.from({ length: 10 }, (_, index) => `area${index}`);
const things = Array.from({ length: 20 }, (_, index) => `thing${index}`);
const verbs = ['created', 'changed', 'removed', 'seen', 'failed.badly'];

/** 1,000 events of three and four segments, each with a payload of its own. */
const names = areas.flatMap((area) => things.flatMap((thing) => verbs.map((verb) => `${area}.${thing}.${verb}`)));

const map = [
  `import { EventBus } from '../../src/index.js';`,
  'export interface Events {',
  ...names.map((name, index) => `  '${name}': { id: string; n${index}: number; at?: Date | undefined };`),
  '}',
  'export const bus = new EventBus<Events>();',
];

/** Exact, lists, patterns, to everything. */
const subscriptions = Array.from({ length: 100 }, (_, index) => {
  const at = (index * 37) % names.length;
  if (index % 5 === 0) return `bus.on('area${index % 10}.*.${verbs[index % 4]}', (p, ctx) => [p.id, ctx.type]);`;
  if (index % 5 === 1) return `bus.on('area${index % 10}.**', (p, ctx) => [p.id, ctx.type]);`;
  if (index % 5 === 2)
    return `bus.on(['${names[at]}', '${names[(at + 1) % names.length]}'], (p, ctx) => [p.id, ctx.type]);`;
  if (index % 50 === 3) return `bus.onAny((event) => [event.type, event.payload.id]);`;
  return `bus.on('${names[at]}', (p, ctx) => { void ctx.emit('${names[0]}', { id: p.id, n0: p.n${at} }); });`;
});

const emissions = names.map((name, index) => `bus.post('${name}', { id: 'i', n${index}: ${index} });`);

const mistakes = [
  `bus.on('area0.thing0.craeted', () => {});`,
  `bus.on('area10.**', () => {});`,
  `bus.on('area0.*.created', (p) => p.n0);`,
  `bus.post('area0.thing0.created', { id: 'i', n1: 1 });`,
  `bus.post('area0.thing0.created');`,
];

const generated: Record<string, string> = {
  'map.ts': map.join('\n'),
  'uses.ts': [`import { bus } from './map.js';`, ...subscriptions, ...emissions].join('\n'),
  'mistakes.ts': [`import { bus } from './map.js';`, ...mistakes].join('\n'),
};

/** A program of the generated files, as if they stood beside this one. */
function makeProgram(): ts.Program {
  const sources = new Map(Object.entries(generated).map(([name, text]) => [`${root}test/types/${name}`, text]));
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent({ ...(config as object), include: [], files: [] }, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const [fileExists, getSourceFile] = [host.fileExists.bind(host), host.getSourceFile.bind(host)];
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const text = sources.get(path);
    return text === undefined
      ? getSourceFile(path, languageVersion, ...rest)
      : ts.createSourceFile(path, text, languageVersion);
  };
  return ts.createProgram(Array.from(sources.keys()), options, host);
}

let program: ts.Program;

/** What the compiler says of a generated file: line and message. */
function complaintsAbout(name: string): readonly string[] {
  const file = program.getSourceFile(`${root}test/types/${name}`);
  return program.getSemanticDiagnostics(file).map(({ start = 0, messageText }) => {
    const line = file?.text.slice(0, start).split('\n').length ?? 0;
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

beforeAll(() => {
  program = makeProgram();
}, 60_000);

/** What a call costs of the processor's time; the clock's depends on what else the machine is doing. */
function secondsOf(call: () => void): number {
  const before = process.cpuUsage();
  call();
  return process.cpuUsage(before).user / 1e6;
}

it('[28] type-checks a map of 1,000 events with 100 subscriptions within seconds', { timeout: 120_000 }, () => {
  expect(names).toHaveLength(1_000);
  const seconds = secondsOf(() => {
    expect(complaintsAbout('map.ts')).toEqual([]);
    expect(complaintsAbout('uses.ts')).toEqual([]);
  });
  expect(seconds).toBeLessThan(40);
});

it('[28] finds the mistakes made with such a map, within seconds too', { timeout: 120_000 }, () => {
  const seconds = secondsOf(() => {
    const complaints = complaintsAbout('mistakes.ts');
    const lines = new Set(complaints.map((complaint) => Number.parseInt(complaint, 10)));
    expect(Array.from(lines)).toEqual(mistakes.map((_, index) => index + 2));
    expect(complaints.filter((complaint) => /excessively deep|too complex/.test(complaint))).toEqual([]);
  });
  expect(seconds).toBeLessThan(40);
});
