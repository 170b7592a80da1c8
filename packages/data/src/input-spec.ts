import { type InputSpec, parseOptions } from '@kd/core/plain';
import * as v from 'valibot';

const whole = (low: number, high: number) => v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));
/** Of a picture or of what is made of it, in pixels. */
const side = whole(1, 65_536);
const three = (value: v.GenericSchema<unknown, number>) => v.tuple([value, value, value]);

export const inputSpec = v.pipe(
  v.object({
    minSize: v.array(side, 'must be a list of sizes, such as [640]'),
    maxSize: v.number(),
    fixedSize: v.nullable(v.tuple([side, side])),
    mean: three(v.pipe(v.number(), v.finite())),
    std: three(v.pipe(v.number(), v.finite(), v.gtValue(0))),
    range: v.optional(v.picklist([1, 255])),
    channels: v.optional(v.picklist(['rgb', 'bgr'])),
    resize: v.optional(v.picklist(['torchvision', 'mmdet'])),
    sizeDivisible: whole(1, 65_536),
  }),
  v.check(
    ({ mean, range = 1 }) => mean.every((value) => value <= range),
    'mean is above the value of a full pixel, which is 1 unless `range: 255` says that mean and std are in units of 0 to 255',
  ),
  v.check(
    ({ fixedSize, minSize, maxSize }) => fixedSize !== null || (minSize.length > 0 && v.is(side, maxSize)),
    'minSize needs at least one size, and maxSize a size, where there is no fixedSize',
  ),
);

/** @throws KdError CONFIG_INVALID for one that makes no batch */
export const checkInputSpec = (given: InputSpec): void => void parseOptions(inputSpec, given, 'the input of a batch');
