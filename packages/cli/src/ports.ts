import type { TrainerPorts } from '@kd/core';
import { dataSource } from '@kd/data';
import { metricByName } from '@kd/metrics';
import { safetensorsFormat } from '@kd/weights';

/** What core leaves to its caller, filled with the packages of this house. */
export const ports: TrainerPorts = { format: safetensorsFormat, openData: dataSource, metric: metricByName };
