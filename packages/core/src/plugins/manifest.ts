export type PluginKind = 'distiller' | 'detector' | 'backbone' | 'teacher' | 'engine' | 'preset';

/**
 * What a package says of itself in its package.json, under `kd`: one of these or a list of them, read without running
 * any of its code.
 */
export interface Manifest {
  readonly kind: PluginKind;
  readonly name: string;
  readonly apiVersion: number;
  /** Which export of the package it is; `default` unless said. */
  readonly export: string;
  /** The name under which the project depends on the package, whatever the package calls itself. */
  readonly package: string;
  readonly version: string;
  readonly description: string;
}

/** An entry that cannot be used, and why. */
export interface SkippedManifest {
  readonly package: string;
  readonly version: string;
  /** As far as they can be read. */
  readonly kind: PluginKind | null;
  readonly name: string | null;
  readonly why: string;
}

export interface Manifests {
  /** The folder of the project, or null where there is none. */
  readonly project: string | null;
  /** Sorted by kind and name. */
  readonly declared: readonly Manifest[];
  readonly skipped: readonly SkippedManifest[];
}
