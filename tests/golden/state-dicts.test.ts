import { existsSync, readFileSync } from 'node:fs';
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
import { exportStateDict, importStateDict } from '@kd/weights';

// Every name and shape of published models against the variables of our detectors, and back.

const folder = fileURLToPath(new URL('../../../shared/spec/state-dicts/', import.meta.url));

/** A list, one tensor a line; values are never read. */
function stateDict(file: string): Map<string, HostTensor> {
  const result = new Map<string, HostTensor>();
  for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
    const match = /^(\S+) (scalar|\d+(?:x\d+)*)/.exec(line);
    if (match === null) continue;
    const shape = match[2] === 'scalar' ? [] : match[2]!.split('x').map(Number);
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

const mmdet = { flavour: 'mmdet', norm: 'frozen' };
const lists: readonly Published[] = [
  { file: 'retinanet_resnet50_fpn', map: 'torchvision-retinanet', of: retinanet, options: { version: 1 }, classes: 91 },
  {
    file: 'retinanet_resnet50_fpn_v2',
    map: 'torchvision-retinanet',
    of: retinanet,
    options: { version: 2 },
    classes: 91,
  },
  { file: 'fcos_resnet50_fpn', map: 'torchvision-fcos', of: fcos, options: { norm: 'frozen' }, classes: 91 },
  {
    file: 'fasterrcnn_resnet50_fpn',
    map: 'torchvision-faster-rcnn',
    of: fasterRcnn,
    options: { version: 1 },
    classes: 90,
  },
  {
    file: 'fasterrcnn_resnet50_fpn_v2',
    map: 'torchvision-faster-rcnn',
    of: fasterRcnn,
    options: { version: 2 },
    classes: 90,
  },
  ...['resnet18', 'resnet34', 'resnet50'].map((backbone) => ({
    file: backbone,
    map: 'resnet',
    of: retinanet,
    options: { backbone, norm: 'live', fpnChannels: 8 },
    classes: 1,
    ignored: 2,
    partial: true as const,
  })),
  { file: 'mmdet/retinanet_r50', map: 'mmdet-retinanet', of: retinanet, options: mmdet, classes: 80 },
  { file: 'mmdet/fcos_r50_gn', map: 'mmdet-fcos', of: fcos, options: mmdet, classes: 80 },
  { file: 'mmdet/atss_r50', map: 'mmdet-atss', of: atss, options: { norm: 'frozen' }, classes: 80 },
  { file: 'mmdet/gfl_r50', map: 'mmdet-gfl', of: gfl, options: { norm: 'frozen' }, classes: 80, ignored: 1 },
  {
    file: 'mmdet/gfl_r101',
    map: 'mmdet-gfl',
    of: gfl,
    options: { norm: 'frozen', backbone: 'resnet101' },
    classes: 80,
    ignored: 1,
  },
  { file: 'mmdet/faster_rcnn_r50', map: 'mmdet-faster-rcnn', of: fasterRcnn, options: { norm: 'frozen' }, classes: 80 },
  {
    file: 'mmdet/cascade_rcnn_r50',
    map: 'mmdet-cascade-rcnn',
    of: cascadeRcnn,
    options: { norm: 'frozen' },
    classes: 80,
  },
  {
    file: 'mmdet/cascade_rcnn_x101_64x4d',
    map: 'mmdet-cascade-rcnn',
    of: cascadeRcnn,
    options: { norm: 'frozen', backbone: 'resnext101_64x4d' },
    classes: 80,
  },
];

describe.skipIf(!existsSync(folder))('published models (names and shapes in ../shared)', () => {
  beforeAll(async () => void (await tf.setBackend('cpu')));

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
