import type { BackboneDefinition, DetectorDefinition, StoredSettings, Use } from '@kd/core';
import { RESNETS, type ResnetShape } from './resnet.js';
import { resnet, resnets } from './resnet-backbone.js';

type Options = Readonly<Record<string, unknown>>;
type WithStored = NonNullable<DetectorDefinition['withStored']>;

/** What the input has where nobody says otherwise. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
/** Numbers that are rounded differently are the same. */
const ROUNDING = 1e-4;

const recordOf = (value: unknown): Options => (typeof value === 'object' && value !== null ? (value as Options) : {});

/**
 * `withStored` of the detectors that have {@link denseEntries}: statistics and order of the pixels, and the stride of a
 * ResNet's bottlenecks, as the file says where the options do not.
 */
export const withStored: WithStored = (given, settings) => {
  const input = recordOf(recordOf(given)['input']);
  const results = [
    pixelsOf(input, settings),
    channelsOf(input, settings),
    styleOf(recordOf(given)['backbone'], settings),
  ];
  const more = results.map(({ take }) => take ?? {});
  const own = { ...input, ...more[0], ...more[1] };
  return {
    options: { ...recordOf(given), ...(Object.keys(own).length > 0 && { input: own }), ...more[2] },
    taken: results.flatMap(({ take }) => (take === undefined ? [] : Object.entries(take).map(told))),
    doubts: [
      ...(settings.unread === undefined ? [] : [`its meta.cfg cannot be read: ${settings.unread}`]),
      ...results.flatMap(({ doubt }) => (doubt === undefined ? [] : [doubt])),
    ],
  };
};

/** {@link withStored} of detectors that have mmdetection's rules as a flavour beside torchvision's. */
export const withStoredFlavour: WithStored = (given, settings) => {
  const { options, taken, doubts } = withStored(given, settings);
  const { flavour } = recordOf(given);
  if (settings.program !== 'mmdetection' || flavour === 'mmdet') return { options, taken, doubts };
  return flavour === undefined
    ? { options: { ...recordOf(options), flavour: 'mmdet' }, taken: ["flavour: 'mmdet'", ...taken], doubts }
    : { options, taken, doubts: [`it is of mmdetection, the options have flavour: '${String(flavour)}'`, ...doubts] };
};

const told = ([key, value]: readonly [string, unknown]): string =>
  key === 'backbone'
    ? `backbone: ${(value as Use<BackboneDefinition>).definition?.name ?? JSON.stringify(value)} with the stride in the first 1x1`
    : `input.${key}: ${JSON.stringify(value)}`;

interface Taken {
  readonly take?: Options;
  readonly doubt?: string;
}

function pixelsOf(input: Options, { program, from, input: stored }: StoredSettings): Taken {
  const { mean = IMAGENET.mean, std = IMAGENET.std, range = 1 } = input;
  const given = ['mean', 'std', 'range'].some((key) => input[key] !== undefined);
  if (stored === undefined)
    return given
      ? {}
      : {
          doubt: `it is of ${program} and does not say with which mean and deviation its pixels were normalised; give input.mean, input.std and input.range. ImageNet's are taken.`,
        };
  const scaled = (values: unknown, by: unknown): number[] => [values].flat().map((one) => Number(one) / Number(by));
  const [own, theirs] = [
    [...scaled(mean, range), ...scaled(std, range)],
    [...scaled(stored.mean, stored.range), ...scaled(stored.std, stored.range)],
  ];
  if (theirs.every((value, i) => Math.abs(value - own[i]!) <= ROUNDING)) return {};
  const take = { mean: stored.mean, std: stored.std, range: stored.range };
  return given
    ? { doubt: `its ${from} has ${Object.entries(take).map(told).join(', ')}, the options have other statistics` }
    : { take };
}

function channelsOf({ channels }: Options, { program, from, input: stored }: StoredSettings): Taken {
  if (stored === undefined)
    return channels === undefined
      ? {
          doubt: `it is of ${program} and does not say the order of its channels; give input.channels. "rgb" is taken.`,
        }
      : {};
  if (stored.channels === (channels ?? 'rgb')) return {};
  return channels === undefined
    ? { take: { channels: stored.channels } }
    : { doubt: `its ${from} has ${told(['channels', stored.channels])}, the options have ${JSON.stringify(channels)}` };
}

/** Only bottlenecks have a choice. */
function styleOf(backbone: unknown, { program, from, style }: StoredSettings): Taken {
  const entry = entryOf(backbone);
  if (entry === undefined || entry.shape.block !== 'bottleneck') return {};
  const { name, shape } = entry;
  if (style === undefined)
    return shape.style === undefined
      ? {
          doubt: `it is of ${program} and does not say which convolution of a bottleneck has the stride; give backbone ${name === null ? '{ style }' : `"${name}" or "${name}_caffe"`}. The 3x3 is taken.`,
        }
      : {};
  if ((shape.style ?? 'pytorch') === style) return {};
  if (shape.style !== undefined)
    return { doubt: `its ${from} has a backbone of style "${style}", the options have one of "${shape.style}"` };
  const caffe = resnets.find((one) => one.name === `${name}_caffe`);
  return {
    take: {
      backbone: caffe
        ? { definition: caffe, options: {} }
        : { definition: resnet.definition, options: { ...shape, style } },
    },
  };
}

/** A ResNet that options name or describe; undefined for any other backbone. */
function entryOf(backbone: unknown): { readonly name: string | null; readonly shape: ResnetShape } | undefined {
  const named = (name: string): ReturnType<typeof entryOf> =>
    Object.hasOwn(RESNETS, name) ? { name, shape: RESNETS[name as keyof typeof RESNETS] } : undefined;
  if (backbone === undefined) return named('resnet50');
  if (typeof backbone === 'string') return named(backbone);
  const { definition, options } = backbone as Partial<Use<BackboneDefinition>>;
  if (definition === undefined) return { name: null, shape: backbone as ResnetShape };
  return definition.name === resnet.definition.name
    ? { name: null, shape: options as ResnetShape }
    : named(definition.name);
}
