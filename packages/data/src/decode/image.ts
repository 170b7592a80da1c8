/** An image on the host: 8-bit RGB, upright. */
export interface HostImage {
  /** [height, width, 3] */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Turned by EXIF, where the stored picture has the same size: whether the boxes mean it turned cannot be told. */
  readonly turnUndecided?: true;
}

/** How an image file is to be read. */
export interface DecodeRule {
  /** Size that the annotations declare; null takes what the file has, turned upright by EXIF. */
  readonly declared: { readonly width: number; readonly height: number } | null;
  /** Headers that promise more pixels are refused before anything is decoded. */
  readonly maxPixels: number;
}

export const DEFAULT_MAX_PIXELS = 200_000_000;
