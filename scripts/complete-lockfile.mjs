// Adds the packages for other platforms that npm left out of package-lock.json; with `--check`, only
// says which. npm leaves out an optional package that the registry in use doesn't have (a mirror for one
// platform, say), and then `npm ci` refuses the lockfile everywhere. What is added has no checksum, as it
// couldn't be looked at; `npm install` beside a complete registry adds it. Run after each `npm install`.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lockfile = JSON.parse(readFileSync(file, 'utf8'));
const { packages } = lockfile;

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];
const libraries = { gnu: 'glibc', musl: 'musl' };

/** Whether the package at `place` finds `name` where Node would look: in its own node_modules, or further up. */
function isFound(place, name) {
  for (let folder = place; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (`${folder}${folder && '/'}node_modules/${name}` in packages) return true;
    if (folder === '') return false;
  }
}

/** What npm would have recorded: the name says for which platform the package is. */
function entryOf(name, version, parent) {
  const words = name.split(/[/-]/);
  const os = words.filter((word) => systems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  const libc = os.includes('linux') ? words.flatMap((word) => libraries[word] ?? []) : [];
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`${name}@${version}: expected an exact version`);
  if (os.length !== 1) throw new Error(`${name}: expected the name of an operating system in it`);
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(parent.dev && { dev: true }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    os,
  };
}

const missing = Object.entries(packages).flatMap(([place, parent]) =>
  Object.entries(parent.optionalDependencies ?? {})
    .filter(([name]) => !isFound(place, name))
    .map(([name, version]) => [`node_modules/${name}`, entryOf(name, version, parent)]),
);

if (process.argv.includes('--check')) {
  for (const [place, { version }] of missing) console.log(`${place} ${version}`);
  process.exitCode = missing.length > 0 ? 1 : 0;
} else if (missing.length > 0) {
  const [project, ...installed] = Object.entries(packages);
  const sorted = [...installed, ...missing].sort(([a], [b]) => a.localeCompare(b, 'en'));
  lockfile.packages = Object.fromEntries([project, ...sorted]);
  writeFileSync(file, `${JSON.stringify(lockfile, undefined, 2)}\n`);
  console.log(`Added ${missing.length} packages to package-lock.json.`);
}
