import { DetectError, messageOf } from './detect-error.js';
import { createDetector, type Detector } from './detector.js';
import type { ExportedModel } from './exported-model.js';
import { onnxMetadata } from './onnx-metadata.js';
import { type OnnxOptions, onnxSession } from './onnx-session.js';

export type LoadOptions = OnnxOptions;

/**
 * Makes an exported ONNX model ready to run.
 * @param model its address, or its bytes; in Node those that `readFile` gives
 * @throws DetectError MODEL_INVALID, BACKEND_MISSING
 */
export async function load(
  model: string | URL | Uint8Array | ArrayBuffer,
  options: LoadOptions = {},
): Promise<Detector> {
  const bytes = typeof model === 'string' || model instanceof URL ? await fetched(String(model)) : bytesOf(model);
  const info = readInfo(bytes);
  return createDetector(info, await onnxSession(bytes, options));
}

function bytesOf(model: Uint8Array | ArrayBuffer): Uint8Array {
  const bytes = typeof model === 'object' && model !== null ? new Uint8Array(model) : new Uint8Array();
  if (bytes.length > 0) return bytes;
  throw new DetectError('MODEL_INVALID', 'There is no model: give the address of an ONNX file, or its bytes.');
}

async function fetched(address: string): Promise<Uint8Array> {
  const refused = (why: string, cause?: unknown): DetectError =>
    new DetectError(
      'MODEL_INVALID',
      `The model ${address} cannot be fetched: ${why}. Give an address that can be, or its bytes.`,
      { cause },
    );
  const response = await fetch(address).catch((cause: unknown) => {
    throw refused(messageOf((cause as Error).cause ?? cause), cause); // Node says why in the cause alone
  });
  if (!response.ok) throw refused(`the server answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** @throws DetectError MODEL_INVALID */
export function readInfo(bytes: Uint8Array): ExportedModel {
  const text = onnxMetadata(bytes, 'kd');
  if (text === undefined)
    throw new DetectError(
      'MODEL_INVALID',
      'This ONNX file does not say how its images are made and its outputs are read: it was not written by kd export.',
    );
  let info: unknown;
  try {
    info = JSON.parse(text);
  } catch (cause) {
    throw new DetectError('MODEL_INVALID', 'What the model says of itself is no JSON: export it again.', { cause });
  }
  return checkedInfo(info);
}

/** @throws DetectError MODEL_INVALID for a form that is not read here */
export function checkedInfo(said: unknown): ExportedModel {
  const info = said as Partial<ExportedModel> | null;
  if (info?.format !== 1)
    throw new DetectError(
      'MODEL_INVALID',
      `The model is of form ${String(info?.format)}, this @kd/detect reads form 1: take a newer one, or export the model again.`,
    );
  return info as ExportedModel;
}
