import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A picture as a file of PNG, with its size in pixels. */
export interface DrawnPicture {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What stands at a step: figures and pictures by tag. */
export interface Summaries {
  readonly scalars?: Readonly<Record<string, number>>;
  readonly images?: Readonly<Record<string, DrawnPicture>>;
}

// Numbers of the fields as TensorFlow's event.proto and summary.proto have them.
const VERSION = 3;
const SUMMARY = 5;
const SESSION = 7;

/** What each event file begins with. */
export const versionEvent = (): Uint8Array =>
  event(0, (writer) => writer.tag(VERSION, lengthOf).string('brain.Event:2'));

/** What was told of this step and of later ones counts no more: a run goes on before it. */
export const restartEvent = (step: number): Uint8Array =>
  event(step, (writer) => inside(writer, SESSION, (session) => session.tag(1, WireType.Varint).int32(1)));

export const summaryEvent = (step: number, { scalars = {}, images = {} }: Summaries): Uint8Array =>
  event(step, (writer) =>
    inside(writer, SUMMARY, (summary) => {
      for (const [tag, value] of Object.entries(scalars))
        inside(summary, 1, (one) => one.tag(1, lengthOf).string(tag).tag(2, WireType.Bit32).float(value));
      for (const [tag, { png, width, height }] of Object.entries(images))
        inside(summary, 1, (one) => {
          one.tag(1, lengthOf).string(tag);
          return inside(one, 4, (image) =>
            image
              .tag(1, WireType.Varint)
              .int32(height)
              .tag(2, WireType.Varint)
              .int32(width)
              // RGB
              .tag(3, WireType.Varint)
              .int32(3)
              .tag(4, lengthOf)
              .bytes(png),
          );
        });
      return summary;
    }),
  );

const lengthOf = WireType.LengthDelimited;
type Write = (writer: BinaryWriter) => BinaryWriter;

function event(step: number, what: Write): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.Bit64).double(Date.now() / 1000);
  if (step > 0) writer.tag(2, WireType.Varint).int64(step);
  return what(writer).finish();
}

const inside = (writer: BinaryWriter, field: number, write: Write): BinaryWriter =>
  write(writer.tag(field, lengthOf).fork()).join();
