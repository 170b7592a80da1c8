import type { AtssInput } from '@kd/detector-gfl';
import type { MmdetIndex } from './index-file.js';
import { readAll, type Reader } from './reader.js';

/** What all detectors have in common. */
export type NetworkOptions = Required<
  Pick<
    AtssInput,
    | 'backbone'
    | 'norm'
    | 'frozenBnEps'
    | 'trainableLayers'
    | 'returnedLayers'
    | 'fpnChannels'
    | 'extra'
    | 'reluBeforeP7'
    | 'input'
  >
>;

/** Input, backbone and neck; every value comes from the config. */
export function networkOptions(model: Reader, config: MmdetIndex['config']): NetworkOptions {
  const { channels: stages, eps, ...backbone } = backboneOptions(model, config);
  return { input: inputOptions(model, config), frozenBnEps: eps, ...backbone, ...neckOptions(model, stages) };
}

function inputOptions(model: Reader, { scale }: MmdetIndex['config']): NetworkOptions['input'] {
  return model.record('data_preprocessor', (of) => {
    of.only('type', 'DetDataPreprocessor');
    return {
      minSize: Math.min(...scale),
      maxSize: Math.max(...scale),
      mean: of.value('mean'),
      std: of.value('std'),
      range: 255,
      channels: of.oneOf('bgr_to_rgb', [true, false]) ? 'rgb' : 'bgr',
      resize: 'mmdet',
      sizeDivisible: of.value('pad_size_divisor'),
    };
  });
}

function backboneOptions(
  model: Reader,
  config: MmdetIndex['config'],
): Pick<NetworkOptions, 'backbone' | 'norm' | 'trainableLayers'> & {
  readonly channels: readonly number[];
  readonly eps: number;
} {
  // The blocks of depths that mmdetection does not have are told beside its dict.
  const shape = readAll('config.backbone', config.backbone, (of) => {
    const block = of.oneOf('block', ['basic', 'bottleneck']);
    return {
      block,
      layers: of.value<number[]>('layers'),
      width: of.value<number>('width'),
      style: of.oneOf('style', ['pytorch', 'caffe']),
      channels: of.value<number[]>('stage_channels'),
      normTrains: of.oneOf('norm_trains', [true, false]),
      eps: of.value<number>('eps'),
      groups: of.value('groups', 1),
      baseWidth: of.value('base_width', of.value<number>('width')),
    };
  });
  return model.record('backbone', (of) => {
    const type = of.oneOf('type', ['ResNet', 'ResNeXt']);
    of.value('depth');
    of.only('base_channels', shape.width);
    of.only('num_stages', 4);
    of.only('out_indices', [0, 1, 2, 3]);
    of.only('style', shape.style);
    const trains = of.record('norm_cfg', (norm) => {
      norm.only('type', 'BN');
      norm.only('requires_grad', shape.normTrains);
      return shape.normTrains;
    });
    const fixed = of.oneOf('norm_eval', [true, false]);
    if (!trains && !fixed) throw new Error('norms that measure but do not train have no option');
    if (type === 'ResNeXt') {
      of.only('groups', shape.groups);
      of.only('base_width', shape.baseWidth);
    }
    return {
      backbone: {
        block: shape.block,
        layers: shape.layers,
        width: shape.width,
        ...(shape.block === 'bottleneck' && { style: shape.style }),
        ...(type === 'ResNeXt' && { groups: shape.groups, widthPerGroup: (64 * shape.baseWidth) / shape.width }),
      },
      norm: !trains ? 'frozen' : fixed ? 'eval' : 'live',
      // -1 freezes nothing, 0 the stem, 1 stage 1 as well.
      trainableLayers:
        of.oneOf('frozen_stages', [-1, 0, 1, 2, 3, 4], -1) === -1 ? 5 : 4 - of.value('frozen_stages', -1),
      channels: shape.channels,
      eps: shape.eps,
    };
  });
}

function neckOptions(
  model: Reader,
  stages: readonly number[],
): Pick<NetworkOptions, 'returnedLayers' | 'fpnChannels' | 'extra' | 'reluBeforeP7'> {
  return model.record('neck', (of) => {
    of.only('type', 'FPN');
    of.only('in_channels', stages);
    const start = of.value('start_level', 0);
    const more = of.value<number>('num_outs') - (stages.length - start);
    const from = of.oneOf('add_extra_convs', ['on_input', 'on_output', true, false], false);
    const source = from === 'on_output' ? 'p5' : 'c5';
    const reluBeforeP7 = of.oneOf('relu_before_extra_convs', [true, false], false);
    if (![0, 1, ...(from === false ? [] : [2])].includes(more))
      throw new Error(`neck.num_outs: ${more} levels above the last stage's have no option`);
    return {
      returnedLayers: stages.map((_, i) => i + 1).slice(start),
      fpnChannels: of.value<number>('out_channels'),
      extra:
        more === 0 ? 'none' : from === false ? 'maxpool' : more === 1 ? `p6_from_${source}` : `p6p7_from_${source}`,
      reluBeforeP7,
    };
  });
}
