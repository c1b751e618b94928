import { build } from 'esbuild';
import { entries, root, specifierOf } from '../package/repository.js';
import { type CodeBlock, inPlace, withAssertions } from './code-blocks.js';

/** Our own names mean the sources, so that no build is needed. */
const alias = Object.fromEntries(
  Object.entries(entries).map(([subpath, source]) => [specifierOf(subpath), root + source]),
);

/** Makes a program of a block, with its `// =>` as assertions. */
export async function buildBlock(block: CodeBlock, outfile: string): Promise<void> {
  await build({
    stdin: {
      contents: withAssertions(inPlace(block)),
      // Not the bare file name, which would also be that of a source that the block itself imports.
      sourcefile: `${block.file}#code`,
      loader: block.language,
      resolveDir: root,
    },
    outfile,
    alias,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    sourcemap: 'inline',
    logLevel: 'silent',
  });
}
