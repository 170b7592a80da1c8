/** The copy of this package that made a definition. */
export interface CoreCopy {
  readonly version: string;
  readonly folder: string;
}
