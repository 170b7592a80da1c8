import * as v from 'valibot';
import type { TeacherInput } from '../contract/data.js';

const side = v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(1), v.maxValue(32_768));
const triple = v.tuple(
  [v.pipe(v.number(), v.finite()), v.pipe(v.number(), v.finite()), v.pipe(v.number(), v.finite())],
  'must be three numbers, one a channel in the order that the model reads them',
);

/** Side of the image that a model of any size is tried with: divided by every stride up to 64 and by patches of 14. */
export const FREE_SIZE = 448;

/**
 * The option `input` of a teacher, with the words that detectors have for it. Nothing is guessed that would only make
 * features worse without a word: a size, mean and std have to be said.
 * @param layout the order of axes that models of this family read, where the option does not say it
 */
export const teacherInput = (layout: NonNullable<TeacherInput['layout']>) =>
  v.pipe(
    v.optional(
      v.strictObject({
        /** [height, width]: every image is stretched to this size. */
        fixedSize: v.optional(v.nullable(v.tuple([side, side], 'must be [height, width]'))),
        /** Without `fixedSize`: the short side; one of a list is drawn in training. */
        minSize: v.optional(v.union([side, v.pipe(v.array(side), v.minLength(1), v.maxLength(64))])),
        maxSize: v.optional(side),
        mean: v.optional(triple),
        std: v.optional(triple),
        range: v.optional(v.picklist([1, 255], 'must be 1 or 255, what a full pixel counts in mean and std'), 1),
        channels: v.optional(v.picklist(['rgb', 'bgr'], 'must be "rgb" or "bgr"'), 'rgb'),
        resize: v.optional(v.picklist(['torchvision', 'mmdet'], 'must be "torchvision" or "mmdet"'), 'torchvision'),
        /** Height and width are padded to a multiple; 1 with `fixedSize`, else 32. */
        sizeDivisible: v.optional(side),
        layout: v.optional(v.picklist(['nhwc', 'nchw'], 'must be "nhwc" or "nchw"'), layout),
      }),
      {},
    ),
    v.check(
      ({ fixedSize, minSize }) => Boolean(fixedSize) || minSize !== undefined,
      'the teacher does not say how images become its input: give input: { fixedSize: [height, width], mean, std } as it was trained with, or minSize and maxSize instead of fixedSize',
    ),
    v.check(
      ({ mean, std }) => mean !== undefined && std !== undefined,
      'says no mean and std: give those that the model was trained with, of ImageNet mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]; for one that reads pixels of 0 to 1 mean: [0, 0, 0], std: [1, 1, 1], of 0 to 255 range: 255 besides',
    ),
    v.transform(({ fixedSize = null, minSize, maxSize, mean, std, sizeDivisible, ...rest }): Required<TeacherInput> => {
      const sides = fixedSize ?? [];
      const short = minSize ?? Math.min(...sides);
      return {
        fixedSize,
        minSize: [short].flat(),
        maxSize: maxSize ?? (fixedSize === null ? 32_768 : Math.max(...sides)),
        mean: mean!,
        std: std!,
        sizeDivisible: sizeDivisible ?? (fixedSize === null ? 32 : 1),
        ...rest,
      };
    }),
    v.check(({ std }) => std.every((value) => value > 0), 'std must be above 0'),
    v.check(
      ({ mean, range }) => mean.every((value) => value <= range),
      'mean is above the value of a full pixel, which is 1 unless range: 255 says that mean and std are in units of 0 to 255',
    ),
  );
