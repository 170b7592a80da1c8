import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { kernelPackage } from './kernel-package.js';
import { temporaryFolder } from './testing/fake-machine.js';

it('reads the copy that it carries, and in the workspace the installed package, while packing has that copy there', () => {
  const engine = realpathSync(temporaryFolder());
  const put = (folder: string, version: string): string => {
    const place = join(engine, folder);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), JSON.stringify({ version }));
    return place;
  };
  const of = pathToFileURL(join(engine, 'dist/kernel-package.js'));
  const carried = put('vendor', '1.0.0');
  expect(kernelPackage(of)).toEqual({ folder: carried, version: '1.0.0' });
  const installed = put('node_modules/@tensorflow/tfjs-node-gpu', '2.0.0');
  expect(kernelPackage(of)).toEqual({ folder: installed, version: '2.0.0' });
});
