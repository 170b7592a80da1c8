import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import '@tensorflow/tfjs-backend-cpu';
import { describeLoad, type DetectorDefinition, type HostTensor, loadReport, parseOptions, wantedBy } from '@kd/core';
import { fasterRcnn, cascadeRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { exportStateDict } from './export-weights.js';
import { importStateDict } from './import-weights.js';

// Every name and shape of published models against the variables of our detectors, and back. All widths are an eighth
// of the published ones, on both sides, since a network of that size takes seconds to fill with numbers.

const folder = fileURLToPath(new URL('../../../../shared/spec/state-dicts/', import.meta.url));

/** Widths are multiples of 64; of classes, anchors and kernels only the four boxes of 80 classes are one, too. */
const eighth = (side: number): number => (side % 64 === 0 && side !== 320 ? side / 8 : side);

/** A list, one tensor a line; values are never read. */
function stateDict(file: string): Map<string, HostTensor> {
  const result = new Map<string, HostTensor>();
  for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
    const match = /^(\S+) (scalar|\d+(?:x\d+)*)/.exec(line);
    if (match === null) continue;
    const shape = match[2] === 'scalar' ? [] : match[2]!.split('x').map(Number).map(eighth);
    result.set(match[1]!, { dtype: 'F32', shape, data: new Float32Array(0) });
  }
  expect(result.size).toBeGreaterThan(100);
  return result;
}

interface Published {
  readonly file: string;
  readonly map: string;
  readonly of: { readonly definition: DetectorDefinition };
  readonly options: Record<string, unknown>;
  readonly classes: number;
  /** How many names have no place here, `num_batches_tracked` aside. */
  readonly ignored?: number;
  /** A classifier: only the backbone has weights. */
  readonly partial?: true;
}

const bottleneck = (...layers: number[]) => ({ block: 'bottleneck', layers, width: 8 });
const r50 = { backbone: bottleneck(3, 4, 6, 3), fpnChannels: 32 };
const r101 = { ...r50, backbone: bottleneck(3, 4, 23, 3) };
/** 64 groups of 4 channels: 8 of 4. */
const x101 = { ...r50, backbone: { ...bottleneck(3, 4, 23, 3), groups: 8, widthPerGroup: 32 } };
const [frozen, box] = [{ norm: 'frozen' }, { box: { representationSize: 128 } }];

const lists: readonly Published[] = [
  ...[1, 2].flatMap((version): Published[] => {
    const suffix = version === 1 ? '' : '_v2';
    const options = { ...r50, version };
    return [
      { file: `retinanet_resnet50_fpn${suffix}`, map: 'torchvision-retinanet', of: retinanet, options, classes: 91 },
      {
        file: `fasterrcnn_resnet50_fpn${suffix}`,
        map: 'torchvision-faster-rcnn',
        of: fasterRcnn,
        options: { ...options, ...box },
        classes: 90,
      },
    ];
  }),
  { file: 'fcos_resnet50_fpn', map: 'torchvision-fcos', of: fcos, options: { ...r50, ...frozen }, classes: 91 },
  ...[
    { file: 'resnet18', backbone: { block: 'basic', layers: [2, 2, 2, 2], width: 8 } },
    { file: 'resnet34', backbone: { block: 'basic', layers: [3, 4, 6, 3], width: 8 } },
    { file: 'resnet50', backbone: bottleneck(3, 4, 6, 3) },
  ].map(({ file, backbone }): Published => {
    const options = { backbone, norm: 'live', fpnChannels: 32 };
    return { file, map: 'resnet', of: retinanet, options, classes: 1, ignored: 2, partial: true };
  }),
  ...(
    [
      ['retinanet_r50', 'retinanet', retinanet, { ...r50, ...frozen, flavour: 'mmdet' }],
      ['fcos_r50_gn', 'fcos', fcos, { ...r50, ...frozen, flavour: 'mmdet' }],
      ['atss_r50', 'atss', atss, { ...r50, ...frozen }],
      ['gfl_r50', 'gfl', gfl, { ...r50, ...frozen }],
      ['gfl_r101', 'gfl', gfl, { ...r101, ...frozen }],
      ['faster_rcnn_r50', 'faster-rcnn', fasterRcnn, { ...r50, ...frozen, ...box }],
      ['cascade_rcnn_r50', 'cascade-rcnn', cascadeRcnn, { ...r50, ...frozen, ...box }],
      ['cascade_rcnn_x101_64x4d', 'cascade-rcnn', cascadeRcnn, { ...x101, ...frozen, ...box }],
    ] as const
  ).map(([file, map, of, options]): Published => {
    const ignored = map === 'gfl' ? 1 : 0;
    return { file: `mmdet/${file}`, map: `mmdet-${map}`, of, options, classes: 80, ignored };
  }),
];

describe.skipIf(!existsSync(folder))('published models (names and shapes in ../shared)', () => {
  beforeAll(async () => void (await tf.setBackend('cpu')));

  test('every list is among them', () => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.txt'));
    expect(lists.map(({ file }) => `${file}.txt`).sort()).toEqual(files.sort());
  });

  test.each(lists)('$file', ({ file, map, of: { definition }, options, classes, ignored = 0, partial }) => {
    const state = stateDict(`${file}.txt`);
    const detector = definition.create(parseOptions(definition.options, options, file), {
      categories: Array.from({ length: classes }, (_, id) => ({ id, name: `class ${id}` })),
      seed: 1,
    });
    const wanted = wantedBy(detector);
    const found = importStateDict(state, { wanted });
    detector.dispose();
    expect(found.map).toBe(map);
    const report = loadReport(found.tensors, wanted);
    if (partial) {
      expect(report).toMatchObject({ unused: [], mismatched: [] });
      expect(report.missing.filter((path) => path.startsWith('backbone.body.'))).toEqual([]);
    } else expect(describeLoad(report)).toEqual([]);
    const left = found.ignored.filter(({ name }) => !name.endsWith('.num_batches_tracked'));
    expect(left).toHaveLength(ignored);

    const back = exportStateDict(found.tensors, partial ? map : map.split('-')[0]!);
    const names = new Set(found.ignored.map(({ name }) => name));
    expect(new Map([...back].map(([name, { shape }]) => [name, shape]))).toEqual(
      new Map([...state].filter(([name]) => !names.has(name)).map(([name, { shape }]) => [name, shape])),
    );
  });
});
