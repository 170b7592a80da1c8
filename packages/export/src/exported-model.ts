import { type Detector, type ExportedModel, type ExportedNetwork, KdError } from '@kd/core';

/** What of a detector is written, and for which images. */
export interface ExportOptions {
  /** `maps`: the network alone, up to the maps of its head. */
  readonly outputs?: ExportedModel['outputs'];
  readonly layout?: ExportedModel['input']['layout'];
  readonly dtype?: ExportedModel['input']['dtype'];
  /**
   * [height, width] of the images, multiples of the rule's `sizeDivisible`; or any such. The default is the size that
   * the run resizes to, or where its sizes differ the one that all of its images fit into.
   */
  readonly size?: readonly [number, number] | 'dynamic';
  /** Images at once; default 1. */
  readonly batch?: number | 'dynamic';
  /** Of the run, to be written beside it. */
  readonly metrics?: ExportedModel['metrics'];
}

/** @throws KdError USAGE for a detector that nothing is known of, and for options that do not fit it */
export function exportedModel(
  detector: Detector,
  { outputs = 'detections', layout = 'nhwc', dtype = 'float32', size, batch = 1, metrics }: ExportOptions,
): { readonly network: ExportedNetwork; readonly model: ExportedModel } {
  const network = networkOf(detector);
  const { detections, strides } = network;
  if (outputs === 'detections' && detections === null)
    throw new KdError(
      'USAGE',
      `the detector ${detector.name} decodes its boxes by functions of its own, which no other program has: export its maps (--raw), or describe its priors and codes as data.`,
    );
  if (batch !== 'dynamic' && !(Number.isInteger(batch) && batch > 0))
    throw new KdError(
      'USAGE',
      `a batch of ${batch} images cannot be exported: give a whole number from 1 on, or "dynamic".`,
    );
  const { fixedSize } = detector.input;
  const measured = fixedSize === null || !Array.isArray(size) || String(size) === String(fixedSize);
  return {
    network,
    model: {
      format: 1,
      detector: detector.name,
      classes: detector.categories.map(({ name }) => name),
      input: { layout, dtype, ...sizeAndRule(detector.input, size), batch: batch === 'dynamic' ? null : batch },
      outputs,
      strides,
      ...(outputs === 'maps' && detections !== null && { post: detections }),
      // Not of images that are stretched to another size than the run's.
      ...(metrics && measured && { metrics }),
    },
  };
}

function networkOf(detector: Detector): ExportedNetwork {
  const network = detector.exported?.();
  if (network) return network;
  throw new KdError(
    'USAGE',
    `the detector ${detector.name} does not say what its network consists of, so that it cannot be exported. Where a package brings it, take its newest version (pnpm up --latest NAME); in one of your own, build it with createDenseDetector of @kd/vision, or give it \`exported\`.`,
  );
}

function sizeAndRule(
  rule: Detector['input'],
  size: ExportOptions['size'],
): Pick<ExportedModel['input'], 'size' | 'rule'> {
  const { fixedSize, maxSize, sizeDivisible: step } = rule;
  if (size === 'dynamic') return { size: null, rule };
  if (size === undefined) {
    const most = Math.ceil(maxSize / step) * step;
    return { size: fixedSize ?? [most, most], rule };
  }
  if (size.some((side) => !(Number.isInteger(side) && side > 0 && side % step === 0)))
    throw new KdError(
      'USAGE',
      `images of ${size.join(' × ')} pixels do not fit the network, whose strides divide multiples of ${step} only: give a height and a width that are, e.g. ${size.map((side) => Math.max(1, Math.round(side / step) || 1) * step).join(' × ')}.`,
    );
  return { size, rule: fixedSize === null ? rule : { ...rule, fixedSize: size } };
}
