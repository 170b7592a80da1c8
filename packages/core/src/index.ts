export * from './plugins/adapter.js';
export { writeFileAtomic } from './atomic.js';
export * from './class-lists.js';
export * from './container.js';
export type * from './contract/backbone.js';
export type * from './contract/checkpoint.js';
export type * from './contract/data.js';
export type * from './contract/detector.js';
export type * from './contract/engine.js';
export type * from './contract/metric.js';
export type * from './contract/plan.js';
export * from './contract/plugin.js';
export type * from './contract/teacher.js';
export type * from './contract/token.js';
export * from './plugins/choose-taps.js';
export { type CellScores, checkCellScores } from './plugins/cell-scores.js';
export * from './plugins/class-match.js';
export * from './plugins/compare-detectors.js';
export * from './define.js';
export * from './errors.js';
export * from './logger.js';
export * from './options.js';
export * from './regular-file.js';
export { checkMembers, checkText } from './members.js';
export { spendParameters } from './parameter-budget.js';
export { printable } from './printable.js';
export * from './rng.js';
export * from './run/run-folder.js';
export * from './config.js';
export { parseWeightsOptions } from './weights-options.js';
export type * from './contract/listener.js';
export { instanceWeights, weighedStep } from './plugins/instance-weights.js';
export * from './plugins/neck-pairs.js';
export type * from './plugins/optimizer-group.js';
export * from './run/optimizers.js';
export * from './plugins/plugin-host.js';
export * from './plugins/same-maps.js';
export * from './run/schedules.js';
export * from './json-text.js';
export * from './shown.js';
export { firstRows } from './step/first-rows.js';
export { gatherMatched } from './step/gather-matched.js';
export { gatherRows } from './step/gather-rows.js';
export { MAX_INSTANCES, priorInstances, regionInstances } from './step/instances.js';
export * from './step/step-models.js';
export * from './step/step.js';
export { teacherMaps } from './step/teacher-maps.js';
export { untaped } from './step/untaped.js';
export { checkUsable, unusable } from './run/usable-data.js';
export * from './plugins/taps.js';
export * from './plugins/teacher-input.js';
export * from './plugins/term-schedule.js';
export * from './run/updater.js';
export { hostFloats } from './host-floats.js';
export * from './load-report.js';
export * from './variables.js';
export type { KnownDefinition } from './run/backbone-use.js';
export * from './run/build.js';
export * from './run/build-teacher.js';
export * from './run/checkpoints.js';
export { detectorEntries, teacherEntries } from './run/teachers.js';
export { importByName, manifestWarnings } from './plugins/discovery.js';
export {
  discover,
  type Manifest,
  type Manifests,
  type PluginKind,
  readManifests,
  type SkippedManifest,
} from './plugins/manifests.js';
export * from './run/evaluate.js';
export type * from './passes/pass-context.js';
export * from './passes/passes.js';
export { planRun, type PlanOptions } from './plan/plan.js';
export type { DistillerEntry, Preset } from './plugins/preset.js';
export type { RunOptions } from './run/run.js';
export * from './tidy.js';
export { Trainer, type TrainerOptions } from './run/trainer.js';
