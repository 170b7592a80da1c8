import { describe, expect, it } from 'vitest';
import type { Detector } from '../contract/detector.js';
import { detectorKind } from './detector-kind.js';

const detector = (capabilities: string[], boxes?: string) =>
  ({ capabilities: new Set(capabilities), ...(boxes && { dense: { boxes } }) }) as unknown as Detector;

describe('detectorKind', () => {
  it.each([
    ['two-stage', ['dense', 'roi.align'], 'delta'],
    ['two-stage', ['roi.align'], undefined],
    ['distribution', ['dense'], 'distribution'],
    ['points', ['dense'], 'distance'],
    ['anchors', ['dense'], 'delta'],
    ['anchors', [], undefined],
  ] as const)('is %s with %j and boxes %s', (kind, capabilities, boxes) =>
    expect(detectorKind(detector([...capabilities], boxes))).toBe(kind),
  );
});
