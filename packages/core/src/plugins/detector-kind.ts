import type { Detector } from '../contract/detector.js';

/**
 * What published weights of a method are given for: detectors of two stages, and dense ones whose boxes are a
 * distribution (GFL), distances of a point (FCOS) or offsets to an anchor (RetinaNet, ATSS).
 */
export type DetectorKind = 'two-stage' | 'distribution' | 'points' | 'anchors';

export function detectorKind({ capabilities, dense }: Pick<Detector, 'capabilities' | 'dense'>): DetectorKind {
  if (capabilities.has('roi.align')) return 'two-stage';
  const kinds = { distribution: 'distribution', distance: 'points', delta: 'anchors' } as const;
  return kinds[dense?.boxes ?? 'delta'];
}
