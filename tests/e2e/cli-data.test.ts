import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bccdMini, kd, kdProcess, temporaryFolder } from './kd.js';

describe.skipIf(bccdMini === null)('kd data check (needs ../shared/datasets/bccd-mini, or KD_BCCD_MINI)', () => {
  const coco = (json: string): string[] => ['data', 'check', '--coco', json, '--images', join(bccdMini!, 'JPEGImages')];
  const instances = join(bccdMini ?? '', 'annotations/instances_val.json');
  interface Checked {
    readonly ok: boolean;
    readonly images: { readonly file: string; readonly boxes: number[][]; readonly names: string[] }[];
  }

  test('COCO and VOC forms of the same data read the same', async () => {
    const voc = await kdProcess(['data', 'check', '--voc', bccdMini!, '--split', 'val', '--json']);
    const fromCoco = await kd([...coco(instances), '--json']);
    const sorted = ({ stdout }: { stdout: string }): unknown => {
      const { ok, images } = JSON.parse(stdout) as Checked;
      return {
        ok,
        images: images
          .map(({ file, boxes, names }) => ({
            file,
            objects: boxes.map((box, i) => `${names[i]} ${box.join(' ')}`).sort(),
          }))
          .sort((a, b) => (a.file < b.file ? -1 : 1)),
      };
    };
    expect(sorted(voc)).toEqual(sorted(fromCoco));
    expect((JSON.parse(voc.stdout) as Checked).images).toHaveLength(8);
    expect([voc.code, fromCoco.code]).toEqual([0, 0]);
  });

  test('a box without width is dropped and told, and refused under --strict', async () => {
    const json = JSON.parse(readFileSync(instances, 'utf8')) as { annotations: { bbox: number[] }[] };
    json.annotations[0]!.bbox[2] = 0;
    const file = join(temporaryFolder(), 'instances.json');
    writeFileSync(file, JSON.stringify(json));
    const mild = await kd(coco(file));
    expect(mild.stdout).toMatch(/annotation 1: dropped/);
    const strict = await kd([...coco(file), '--strict', '--json']);
    expect(JSON.parse(strict.stdout)).toMatchObject({ ok: false });
    expect([mild.code, strict.code]).toEqual([0, 1]);
  });
});

test('kd data check says how it is called', async () => {
  const { code, stderr } = await kdProcess(['data', 'check', '--coco', 'x.json']);
  expect(stderr).toContain('--coco needs --images');
  expect(code).toBe(2);
});
