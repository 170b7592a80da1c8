import type { PluginKind } from './manifest.js';

/** Which package of this house holds which name. A test compares it with their manifests. */
const OURS: Readonly<Record<PluginKind, Readonly<Record<string, string>>>> = {
  distiller: {
    crosskd: '@kd/plugin-crosskd',
    cwd: '@kd/plugin-attention',
    defeat: '@kd/plugin-imitation',
    fbkd: '@kd/plugin-attention',
    fgd: '@kd/plugin-attention',
    fgfi: '@kd/plugin-imitation',
    fitnets: '@kd/plugin-imitation',
    frs: '@kd/plugin-prediction-guided',
    gid: '@kd/plugin-general-instances',
    icd: '@kd/plugin-conditional',
    kd: '@kd/plugin-logits',
    ld: '@kd/plugin-localization',
    mgd: '@kd/plugin-masked',
    pfi: '@kd/plugin-prediction-guided',
    pkd: '@kd/plugin-pkd',
    prototype: '@kd/plugin-prototype',
    rkd: '@kd/plugin-logits',
    ssim: '@kd/plugin-ssim',
  },
  preset: {
    'crosskd+pkd': '@kd/plugin-crosskd',
    'ld+gi': '@kd/plugin-localization',
    'ld+kd': '@kd/plugin-localization',
  },
  detector: {
    atss: '@kd/detector-gfl',
    'cascade-rcnn': '@kd/detector-faster-rcnn',
    'faster-rcnn': '@kd/detector-faster-rcnn',
    fcos: '@kd/detector-fcos',
    gfl: '@kd/detector-gfl',
    retinanet: '@kd/detector-retinanet',
  },
  backbone: {
    'efficientnet-lite': '@kd/backbone-efficientnet-lite',
    'mobilenet-v2': '@kd/backbone-mobilenet',
    'mobilenet-v3-large': '@kd/backbone-mobilenet',
    'mobilenet-v3-small': '@kd/backbone-mobilenet',
  },
  teacher: { onnx: '@kd/teacher-onnx', tfjs: '@kd/teacher-tfjs' },
  engine: {
    cpu: '@kd/engine-cpu',
    tensorflow: '@kd/engine-tensorflow',
    wasm: '@kd/engine-wasm',
    webgpu: '@kd/engine-webgpu',
  },
};

/** Kinds that stand in one place of a config, and so share their names. */
export const kindsBeside = (kind: PluginKind): readonly PluginKind[] =>
  kind === 'distiller' || kind === 'preset' ? ['distiller', 'preset'] : [kind];

/** The package of this house that holds a name, or undefined. */
export const ownerOf = (kind: PluginKind, name: string): string | undefined =>
  kindsBeside(kind)
    .map((one) => (Object.hasOwn(OURS[one], name) ? OURS[one][name] : undefined))
    .find((owner) => owner !== undefined);

/** What to type for a package: Node has no WebGPU of its own. */
export const addCommand = (owner: string): string =>
  `pnpm add ${owner}${owner === OURS.engine.webgpu ? ' webgpu' : ''}`;

/** The names that packages of this house hold. */
export const ourNames = (kind: PluginKind): readonly string[] =>
  kindsBeside(kind).flatMap((one) => Object.keys(OURS[one]));
