import type { Distiller } from '../plugins/plugin-host.js';

/** Whether nobody learns from the teacher of this name. */
export const isUnread = (id: string, distillers: readonly Distiller[]): boolean =>
  distillers.every(({ teacher }) => teacher !== id);
