import { type Detector, parseOptions } from '@kd/core';
import { fcos, type FcosInput } from '@kd/detector-fcos';
import { atss, type AtssInput, gfl } from '@kd/detector-gfl';
import { retinanet, type RetinaNetInput } from '@kd/detector-retinanet';
import { type Area, type GoldenTensors, only, scoped } from '../support/index.js';
import type { CrossCase, Role } from './index-file.js';

/** Runs with the case's detector and tensors; neither they nor what `run` makes is left. */
export async function withDetector(
  area: Area,
  one: CrossCase,
  role: Role,
  run: (detector: Detector, tensors: GoldenTensors) => void | Promise<void>,
): Promise<void> {
  const detector = createDetector(one, role);
  try {
    await scoped(async () => run(detector, await area.tensors(one.file)));
  } finally {
    detector.dispose();
  }
}

/** A detector with the case's head and levels; what is below them does not matter here. */
function createDetector({ params }: CrossCase, role: Role): Detector {
  const { strides, channels, classes, groups } = params;
  const context = { categories: Array.from({ length: classes }, (_, id) => ({ id, name: `class ${id}` })), seed: 1 };
  const depth = role === 'stu' ? params.stacked_stu : params.stacked_tea;
  const network = {
    backbone: { block: 'basic' as const, layers: [1, 1, 1, 1], width: 2 },
    returnedLayers: strides.map((stride) => Math.log2(stride) - 1),
    extra: 'none' as const,
    fpnChannels: channels,
    // `pad_hw` are the sizes after the padding.
    input: { sizeDivisible: 1 },
  };
  if (params.detector !== 'retina') {
    only('ratios', params.ratios, [1]);
    only('octaves', params.octaves, 1);
  }
  switch (params.detector) {
    case 'retina': {
      const { ratios, octave_base: base, octaves } = params;
      const sizes = strides.map((stride) =>
        Array.from({ length: octaves }, (_, i) => stride * base * 2 ** (i / octaves)),
      );
      const options: RetinaNetInput = { ...network, flavour: 'mmdet', head: { depth }, anchors: { sizes, ratios } };
      return retinanet.definition.create(parseOptions(retinanet.definition.options, options, 'retinanet'), context);
    }
    case 'fcos': {
      // Points have no size.
      const { conv_bias: convBias, octave_base: _base, norm_on_bbox: normOnBbox, ranges } = params;
      const norm = groups > 0 ? { norm: 'group' as const, groups } : { norm: 'none' as const };
      const options: FcosInput = {
        ...network,
        flavour: 'mmdet',
        head: { depth, ...norm, convBias, normOnBbox, centerness: params.centerness_on_reg ? 'reg' : 'cls' },
        regressRanges: ranges!,
      };
      return fcos.definition.create(parseOptions(fcos.definition.options, options, 'fcos'), context);
    }
    case 'atss':
    case 'gfl': {
      const options: AtssInput = { ...network, head: { depth, groups }, anchorScale: params.octave_base };
      return params.detector === 'atss'
        ? atss.definition.create(parseOptions(atss.definition.options, options, 'atss'), context)
        : gfl.definition.create(
            parseOptions(gfl.definition.options, { ...options, regMax: params.reg_max }, 'gfl'),
            context,
          );
    }
  }
}
