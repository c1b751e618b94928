import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { root } from './repository.js';

it('the lockfile has the optional packages of every platform, else `npm ci` refuses it', () => {
  const { stdout } = spawnSync(process.execPath, ['scripts/complete-lockfile.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
});
