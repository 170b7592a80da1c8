import type { BackboneDefinition } from '../contract/backbone.js';
import type { DetectorDefinition } from '../contract/detector.js';
import type { Engine } from '../contract/engine.js';
import type { PluginDefinition } from '../contract/plugin.js';
import type { TeacherDefinition } from '../contract/teacher.js';
import type { Preset } from './preset.js';

/** What importing a name of each kind gives. */
export interface Kinds {
  distiller: PluginDefinition;
  detector: DetectorDefinition;
  backbone: BackboneDefinition;
  teacher: TeacherDefinition;
  engine: Engine;
  preset: Preset;
}
