import { DEFAULT_MAX_PIXELS, type HostImage, readImage } from '@kd/data';

/** An image that no annotations say the size of. */
export const readAnyImage = (file: string): Promise<HostImage> =>
  readImage(file, { declared: null, maxPixels: DEFAULT_MAX_PIXELS });
