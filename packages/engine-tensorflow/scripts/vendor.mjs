// Before packing: puts the kernels of @tensorflow/tfjs-node-gpu beside our sources, with their licence.
// Depending on that package would make every user's package manager meet its install script, which downloads an old
// TensorFlow from a host that closed networks refuse. After packing (`remove`) the folder goes again.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const vendor = join(dirname(dirname(fileURLToPath(import.meta.url))), 'vendor');
rmSync(vendor, { recursive: true, force: true });
if (process.argv[2] !== 'remove') {
  const manifest = require.resolve('@tensorflow/tfjs-node-gpu/package.json');
  const from = dirname(manifest);
  const { name, version, license, repository } = JSON.parse(readFileSync(manifest, 'utf8'));
  mkdirSync(vendor);
  for (const path of [
    'dist/kernels',
    'dist/int64_tensors.js',
    'dist/nodejs_kernel_backend.js',
    'dist/register_all_kernels.js',
  ]) {
    cpSync(join(from, path), join(vendor, path), {
      recursive: true,
      dereference: true,
      filter: (file) => !/\.d\.ts$|_test\.js$/.test(file),
    });
  }
  writeFileSync(
    join(vendor, 'package.json'),
    `${JSON.stringify({ name, version, license, repository, type: 'commonjs' }, null, 2)}\n`,
  );
  // The package carries no licence text of its own; TypeScript's is the same Apache License 2.0.
  const licence = join(dirname(require.resolve('typescript/package.json')), 'LICENSE.txt');
  if (license !== 'Apache-2.0' || !existsSync(licence))
    throw new Error(`${name} ${version} is under "${license}": check its licence before packing it.`);
  cpSync(licence, join(vendor, 'LICENSE'), { dereference: true });
  writeFileSync(
    join(vendor, 'NOTICE'),
    `Unmodified files of ${name} ${version}, Copyright Google LLC, under the Apache License, Version 2.0 (see LICENSE): ${repository.url}\n`,
  );
}
