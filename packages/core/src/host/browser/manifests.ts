import type { Manifest, Manifests } from '../../plugins/manifest.js';

/** A page has no folder with packages. */
export const readManifests = async (_folder: string): Promise<Manifests> => ({
  project: null,
  declared: [],
  skipped: [],
});

export const discover = async (_folder: string): Promise<readonly Manifest[]> => [];
