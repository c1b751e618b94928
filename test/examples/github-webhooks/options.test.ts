import { expect, it } from 'vitest';
import { readOptions, UsageError } from '../../../examples/github-webhooks/options.js';

it('needs no options', () => {
  expect(readOptions([])).toEqual({ input: undefined, out: undefined, json: false, help: false });
});

it('reads options in either spelling', () => {
  expect(readOptions(['--input', '-', '--out=folder', '--json', '-h'])).toEqual({
    input: '-',
    out: 'folder',
    json: true,
    help: true,
  });
});

it('takes a file that looks like a flag where it is given with "="', () => {
  expect(readOptions(['--input=--json'])).toMatchObject({ input: '--json', json: false });
});

it.each([
  [['--jsn'], 'Unknown option "--jsn". Did you mean "--json"?'],
  [['--imput', 'x'], 'Unknown option "--imput". Did you mean "--input"?'],
  [['--JSON'], 'Unknown option "--JSON". Did you mean "--json"?'],
  [['--verbose'], 'Unknown option "--verbose".'],
  [['--constructor'], 'Unknown option "--constructor".'],
  [['-x'], 'Unknown option "-x".'],
  [[`--${'in'.repeat(100)}`], `Unknown option "--${'in'.repeat(100)}".`],
  [['--json=yes'], 'Option "--json" takes no value.'],
  [['--input'], 'Option "--input" needs a value.'],
  [['--input='], 'Option "--input" needs a value.'],
  [['--input', '--json'], 'Option "--input" needs a value.'],
  [['events.jsonl'], 'Unexpected argument "events.jsonl".'],
])('refuses %j', (args, message) => {
  expect(() => readOptions(args)).toThrow(new UsageError(message));
});
