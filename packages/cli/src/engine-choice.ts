/** The engine that `--engine` or `KD_ENGINE` names, for every command; undefined without either. */
export const engineChoice = (): string | undefined => process.env['KD_ENGINE'] || undefined;

/** Keeps what `--engine` names where {@link engineChoice} and the processes of a study find it. */
export function chooseEngine(named: unknown): void {
  if (named !== undefined) process.env['KD_ENGINE'] = String(named);
}

/** A config on that engine. */
export function onEngine<T extends { readonly engine?: unknown }>(config: T): T {
  const engine = engineChoice();
  return engine === undefined ? config : { ...config, engine };
}
