import { groupsFor } from '@kd/vision';
import { call, code, dict, python, type PythonCall, type PythonValue, tuple } from './python-text.js';
import { cannot, type NetworkConfig, resnetOf } from './torch-config.js';
import { stageChannels, type TorchModel } from './torch-model.js';
import type { PythonPart } from './torchvision-network.js';

type Shape = NetworkConfig & { readonly reluBeforeP7?: boolean; readonly fpnNorm?: boolean };

/** The parts of a model that all detectors of mmdetection begin with, and what has to be said before them. */
export interface MmdetNetwork extends PythonPart {
  readonly parts: Readonly<Record<'data_preprocessor' | 'backbone' | 'neck', PythonCall>>;
  /** Of the layers that have a norm of the backbone's kind. */
  readonly norm: PythonValue;
}

export function mmdetNetwork(model: TorchModel, config: Shape): MmdetNetwork {
  const norm = normOf(model, config);
  const body = bodyOf(model, config, norm.value);
  const channels = stageChannels(model, config.returnedLayers.length);
  const { extra, fpnChannels, fpnNorm, strides, reluBeforeP7 } = config;
  if (fpnNorm === true && extra.startsWith('p6'))
    throw cannot(
      'mmdet',
      model.detector,
      `P6 has no norm beside a pyramid with norms (extra: '${extra}', fpnNorm), and mmdetection's has one`,
      'Export it to ONNX instead.',
    );
  const convolutions = extra.startsWith('p6');
  return {
    imports: [...norm.imports, ...body.imports],
    lines: [...norm.lines, ...body.lines],
    norm: norm.value,
    parts: {
      data_preprocessor: preprocessorOf(model),
      backbone: body.value,
      neck: dict({
        type: 'FPN',
        in_channels: channels,
        out_channels: fpnChannels,
        num_outs: strides.length,
        add_extra_convs: convolutions ? (extra.endsWith('_from_c5') ? 'on_input' : 'on_output') : false,
        relu_before_extra_convs: convolutions ? (reluBeforeP7 ?? true) : undefined,
        norm_cfg: fpnNorm === true ? norm.value : undefined,
      }),
    },
  };
}

/** Mean and deviation count from 0 to 255 there, in the order that the network reads; images are opened blue first. */
function preprocessorOf({ detector }: TorchModel): PythonCall {
  const { mean, std, range = 1, channels = 'rgb', sizeDivisible } = detector.input;
  const scaled = (values: readonly number[]): number[] => values.map((one) => (one * 255) / range);
  return dict({
    type: 'DetDataPreprocessor',
    mean: scaled(mean),
    std: scaled(std),
    bgr_to_rgb: channels === 'rgb',
    pad_size_divisor: sizeDivisible,
  });
}

interface Part extends PythonPart {
  readonly value: PythonCall;
}

function normOf({ weights }: TorchModel, { norm, frozenBnEps: eps }: NetworkConfig): Part {
  const none = { imports: [], lines: [] };
  if (norm !== 'group') return { ...none, value: dict({ type: 'BN', eps, requires_grad: norm !== 'frozen' }) };
  const groups = new Set(
    [...weights].flatMap(([path, { shape }]) =>
      /^(?:backbone|roi_heads)\..*\/gamma$/.test(path) ? [groupsFor(shape[0]!)] : [],
    ),
  );
  if (groups.size === 1) return { ...none, value: dict({ type: 'GN', num_groups: [...groups][0]!, eps }) };
  return {
    imports: ['from mmengine.registry import MODELS as ROOT', 'from torch import nn'],
    lines: [
      '',
      '',
      '# GroupNorm whose groups follow from the channels. In a config file of mmdetection this class stands in a module',
      '# of its own, which custom_imports names.',
      '@ROOT.register_module(force=True)',
      'class WidestGroupNorm(nn.GroupNorm):',
      '    def __init__(self, channels, **options):',
      '        super().__init__(max(n for n in range(1, 33) if channels % n == 0), channels, **options)',
      '',
      '',
    ],
    value: dict({ type: 'WidestGroupNorm', eps }),
  };
}

/** Depths that mmdetection has a number for. */
const DEPTHS: readonly (readonly [depth: number, block: 'basic' | 'bottleneck', layers: string])[] = [
  [18, 'basic', '2,2,2,2'],
  [34, 'basic', '3,4,6,3'],
  [50, 'bottleneck', '3,4,6,3'],
  [101, 'bottleneck', '3,4,23,3'],
  [152, 'bottleneck', '3,8,36,3'],
];

function bodyOf({ detector }: TorchModel, config: NetworkConfig, norm: PythonValue): Part {
  const shape = resnetOf(config);
  if (shape === undefined)
    throw cannot(
      'mmdet',
      detector,
      `its backbone is ${config.backbone.definition.name}, which mmdetection builds in another way or not at all; ResNet and ResNeXt are known there`,
      'Export it to ONNX instead.',
    );
  const { block, layers, width, groups = 1, widthPerGroup = 64, style = 'pytorch' } = shape;
  const grouped = groups !== 1;
  if (!grouped && widthPerGroup !== 64)
    throw cannot(
      'mmdet',
      detector,
      `its bottlenecks are ${widthPerGroup / 64} times as wide as usual, which mmdetection has for ResNeXt alone`,
      'Export it to torchvision, or to ONNX.',
    );
  const depth = DEPTHS.find(([n, kind, list]) => kind === block && list === layers.join() && !(grouped && n < 50))?.[0];
  const type = grouped ? 'ResNeXt' : 'ResNet';
  const file = `mmdet.models.backbones.${type.toLowerCase()}`;
  const name = block === 'basic' ? 'BasicBlock' : 'Bottleneck';
  const stages = Math.max(...config.returnedLayers);
  const key = python(tuple(layers));
  return {
    imports: depth === undefined ? [`from ${file} import ${name}, ${type}`] : [],
    lines:
      depth === undefined
        ? [
            `# A depth that mmdetection has no number for; in a config file this line, too, stands in a module that custom_imports names.`,
            `${type}.arch_settings = {**${type}.arch_settings, ${key}: (${name}, ${key})}`,
          ]
        : [],
    value: dict({
      type,
      depth: depth ?? code(key),
      base_channels: width,
      ...(grouped && { groups, base_width: (widthPerGroup * width) / 64 }),
      num_stages: stages,
      strides: tuple([1, 2, 2, 2].slice(0, stages)),
      dilations: tuple([1, 1, 1, 1].slice(0, stages)),
      out_indices: tuple(config.returnedLayers.map((k) => k - 1)),
      norm_cfg: norm,
      norm_eval: config.norm !== 'live',
      style,
    }),
  };
}

/** How images come to the model. */
export function testPipeline({ detector }: TorchModel): PythonValue {
  const { minSize, maxSize, fixedSize } = detector.input;
  return [
    dict({ type: 'LoadImageFromFile' }),
    fixedSize === null
      ? dict({ type: 'Resize', scale: tuple([maxSize, minSize.at(-1)!]), keep_ratio: true })
      : dict({ type: 'Resize', scale: tuple([fixedSize[1], fixedSize[0]]), keep_ratio: false }),
    call('dict', [], {
      type: 'PackDetInputs',
      meta_keys: tuple(['img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor']),
    }),
  ];
}
