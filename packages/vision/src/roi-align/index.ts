export {
  inferredScales,
  levelEnds,
  multiScaleRoiAlign,
  type MultiScaleOptions,
  type MultiScalePooled,
} from './multi-scale.js';
export { roiAlign, roiAlignLevels, type RoiAlignOptions } from './roi-align.js';
