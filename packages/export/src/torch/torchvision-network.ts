import { assignment, call, code, python, type PythonValue, tuple } from './python-text.js';
import { cannot, type ConfigOf, type NetworkConfig, resnetOf } from './torch-config.js';
import { stageChannels, type TorchModel } from './torch-model.js';

/** Lines of Python, and what they have to import. */
export interface PythonPart {
  readonly imports: readonly string[];
  readonly lines: readonly string[];
}

type Shape = NetworkConfig & { readonly reluBeforeP7?: boolean; readonly fpnNorm?: boolean };

/** `norm`, a layer over so many channels, and `backbone`: body and pyramid. */
export function torchvisionNetwork(model: TorchModel, config: Shape): PythonPart {
  refuse(model, config);
  const body = bodyOf(model, config);
  const stages = config.returnedLayers.length;
  const channels = stageChannels(model, stages);
  const last = channels.at(-1)!;
  const extra = extraOf(config, last);
  return {
    imports: [
      'import torchvision',
      'from torch import nn',
      'from torchvision.models.detection.backbone_utils import BackboneWithFPN',
      ...(config.norm === 'group' ? [] : ['from functools import partial']),
      ...(config.norm === 'frozen' ? ['from torchvision.ops import FrozenBatchNorm2d'] : []),
      ...extra.imports,
      ...body.imports,
    ],
    lines: [
      ...normLines(config),
      '',
      ...body.lines,
      assignment(
        'backbone',
        call('BackboneWithFPN', [code('body')], {
          return_layers: code(`{${body.stages.map((name, i) => `${python(name)}: ${python(String(i))}`).join(', ')}}`),
          in_channels_list: channels,
          out_channels: config.fpnChannels,
          extra_blocks: extra.value,
          ...(config.fpnNorm === true && { norm_layer: code('norm') }),
        }),
      ),
      ...extra.lines,
    ],
  };
}

function refuse({ detector }: TorchModel, { extra, reluBeforeP7 }: Shape): void {
  const no = (why: string, instead: string): never => {
    throw cannot('torchvision', detector, why, instead);
  };
  if (extra === 'p6_from_p5' || extra === 'p6_from_c5')
    no(
      `its pyramid has P6 without P7 (extra: '${extra}'), and torchvision's both or none`,
      'Export it to ONNX instead.',
    );
  if (extra.startsWith('p6p7') && reluBeforeP7 === false)
    no("its P7 reads P6 as it is, and torchvision's a ReLU of it", 'Export it to mmdet, or to ONNX.');
  if (detector.input.channels === 'bgr')
    no('it reads blue first, and torchvision red', 'Export it to mmdet, or to ONNX.');
  if (detector.input.resize === 'mmdet')
    no(
      "its images are resized as mmdetection does, in whole numbers (input.resize: 'mmdet')",
      'Export it to mmdet, or to ONNX.',
    );
}

function normLines({ norm, frozenBnEps: eps }: NetworkConfig): string[] {
  if (norm === 'frozen') return [assignment('norm', call('partial', [code('FrozenBatchNorm2d')], { eps }))];
  if (norm !== 'group') return [assignment('norm', call('partial', [code('nn.BatchNorm2d')], { eps }))];
  return [
    '',
    'def norm(channels):',
    '    groups = max(n for n in range(1, 33) if channels % n == 0)',
    `    return nn.GroupNorm(groups, channels, eps=${eps})`,
    '',
  ];
}

/** `body`, and the modules whose outputs the pyramid reads. */
function bodyOf(model: TorchModel, config: NetworkConfig): PythonPart & { readonly stages: readonly string[] } {
  const shape = resnetOf(config);
  if (shape === undefined) return mobilenetOf(model, config);
  const { block: kind, layers, width, groups = 1, widthPerGroup = 64, style } = shape;
  const block = kind === 'basic' ? 'BasicBlock' : 'Bottleneck';
  const grouped = groups !== 1 || widthPerGroup !== 64;
  return {
    imports: [`from torchvision.models.resnet import ${block}, ResNet`],
    stages: config.returnedLayers.map((k) => `layer${k}`),
    lines: [
      assignment(
        'body',
        call('ResNet', [code(block), layers], {
          ...(grouped && { groups, width_per_group: widthPerGroup }),
          norm_layer: code('norm'),
        }),
      ),
      ...(width === 64 ? [] : otherWidth(block, layers, width)),
      ...(style === 'caffe'
        ? [
            '# The stride is in the first convolution of a stage, as in Caffe.',
            'for stage in (body.layer2, body.layer3, body.layer4):',
            '    stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)',
          ]
        : []),
    ],
  };
}

/** torchvision's constructor knows one width; the parts that it is made of know any. */
const otherWidth = (block: string, layers: readonly number[], width: number): string[] => [
  `# torchvision's ResNet begins with 64 channels, this one with ${width}.`,
  `body.inplanes = ${width}`,
  `body.conv1 = nn.Conv2d(3, ${width}, kernel_size=7, stride=2, padding=3, bias=False)`,
  `body.bn1 = norm(${width})`,
  `for i, depth in enumerate(${python(tuple(layers))}):`,
  `    layer = body._make_layer(${block}, ${width} * 2**i, depth, stride=1 if i == 0 else 2)`,
  '    setattr(body, f"layer{i + 1}", layer)',
];

/** The last module of each stride of torchvision's features, from stride 4 on. */
const MOBILENETS: Readonly<Record<string, { readonly name: string; readonly stages: readonly number[] }>> = {
  'mobilenet-v2': { name: 'mobilenet_v2', stages: [3, 6, 13, 18] },
  'mobilenet-v3-large': { name: 'mobilenet_v3_large', stages: [3, 6, 12, 16] },
  'mobilenet-v3-small': { name: 'mobilenet_v3_small', stages: [1, 3, 8, 12] },
};

function mobilenetOf(
  { detector }: TorchModel,
  { backbone, returnedLayers }: NetworkConfig,
): PythonPart & { readonly stages: readonly string[] } {
  const { name } = backbone.definition;
  const found = Object.hasOwn(MOBILENETS, name) ? MOBILENETS[name]! : undefined;
  if (found === undefined)
    throw cannot(
      'torchvision',
      detector,
      `torchvision does not build the backbone ${name}`,
      'Export it to ONNX instead.',
    );
  const width = (backbone.options as { readonly width?: number } | undefined)?.width ?? 1;
  return {
    imports: [],
    stages: returnedLayers.map((k) => String(found.stages[k - 1])),
    lines: [`body = torchvision.models.${found.name}(width_mult=${width}, norm_layer=norm).features`],
  };
}

function extraOf({ extra, fpnChannels }: Shape, c5: number): PythonPart & { readonly value: PythonValue } {
  const none = { imports: [], lines: [], value: null };
  // Without any torchvision puts the subsampled level there.
  if (extra === 'none') return { ...none, lines: ['backbone.fpn.extra_blocks = None'] };
  const of = (name: string): string => `from torchvision.ops.feature_pyramid_network import ${name}`;
  if (extra === 'maxpool') return { ...none, imports: [of('LastLevelMaxPool')], value: call('LastLevelMaxPool', []) };
  const fromP5 = extra === 'p6p7_from_p5';
  return {
    imports: [of('LastLevelP6P7')],
    value: call('LastLevelP6P7', [fromP5 ? fpnChannels : c5, fpnChannels]),
    // torchvision tells P5 from C5 by its width.
    lines: !fromP5 && c5 === fpnChannels ? ['backbone.fpn.extra_blocks.use_P5 = False'] : [],
  };
}

/** Arguments of the transform, which resizes as the run did. */
export function transformArguments({ detector }: TorchModel): Record<string, PythonValue> {
  const { minSize, maxSize, fixedSize, mean, std, range = 1, sizeDivisible } = detector.input;
  return {
    min_size: tuple(minSize),
    max_size: maxSize,
    image_mean: mean.map((one) => one / range),
    image_std: std.map((one) => one / range),
    size_divisible: sizeDivisible,
    ...(fixedSize !== null && { fixed_size: tuple([fixedSize[1], fixedSize[0]]) }),
  };
}

/** Sizes and ratios, a level each. */
export const anchorGenerator = ({ sizes, ratios }: ConfigOf<'retinanet'>['anchors']): PythonValue =>
  call('AnchorGenerator', [], {
    sizes: tuple(sizes.map(tuple)),
    aspect_ratios: tuple(ratios.map(tuple)),
  });
