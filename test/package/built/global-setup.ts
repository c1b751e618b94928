import { root } from '../repository.js';
import { run } from './command.js';

/** Builds once for all tests of this folder, so that none of them looks at an old `dist`. */
export default function setup(): void {
  run(root, 'npm', 'run', '--silent', 'build');
}
