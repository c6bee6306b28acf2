import type { DType } from "../data.js";
import { BundleError } from "../errors.js";
import { bytesOf, copyOut, itemSize, type Shape, sizeOf, type Tensor } from "../tensor.js";

/** What a safetensors file says of a tensor. */
export interface Slot {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Where its bytes begin and end, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** A tensor of a safetensors file: `bytes` are the file's own, at any alignment. */
export interface Entry {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

const NAMES: Readonly<Record<DType, string>> = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  int8: "I8",
  uint8: "U8",
  int16: "I16",
  uint16: "U16",
  int32: "I32",
  uint32: "U32",
  int64: "I64",
  uint64: "U64",
  bool: "BOOL",
};
/** A safetensors file begins with the length of its header, in so many bytes. */
export const HEADER_LENGTH_BYTES = 8;
/** The format allows no header to be longer. */
const LONGEST_HEADER = 100_000_000;

/** Read the entries of a safetensors file without copying. Throws BundleError if malformed. */
export function readEntries(file: Uint8Array): Map<string, Entry> {
  const start = HEADER_LENGTH_BYTES + headerLength(file.subarray(0, HEADER_LENGTH_BYTES));
  const slots = readSlots(file.subarray(HEADER_LENGTH_BYTES, start), start - HEADER_LENGTH_BYTES);
  return new Map(
    slots.map(({ name, dtype, shape, begin, end }) => {
      const bytes = file.subarray(start + begin, start + end);
      if (bytes.length < end - begin) throw cutShort(name);
      return [name, { dtype, shape, bytes }];
    }),
  );
}

/** Read how long the header is, from the file's first bytes. Throws BundleError if malformed. */
export function headerLength(prefix: Uint8Array): number {
  if (prefix.length < HEADER_LENGTH_BYTES) throw broken(`it has only ${prefix.length} bytes`);
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > LONGEST_HEADER) throw broken(`its header would have ${length} bytes`);
  return length;
}

/**
 * Read what a header of `length` bytes says, in the order in which the tensors lie in the file. Throws
 * BundleError if it is malformed.
 */
export function readSlots(header: Uint8Array, length: number): Slot[] {
  if (header.length < length) throw broken(`its header of ${length} bytes goes past its end`);
  const fields = parseHeader(header);
  if (!fields) throw broken("its header is not JSON");
  const dtypes = new Map(Object.entries(NAMES).map(([dtype, name]) => [name, dtype as DType]));
  const slots: Slot[] = [];
  for (const [name, entry] of Object.entries(fields)) {
    if (name === "__metadata__") continue;
    const { dtype: stored, shape, data_offsets: offsets } = entry ?? {};
    if (!Array.isArray(shape) || !Array.isArray(offsets)) {
      throw broken(`its header does not describe ${name}`);
    }
    const dtype = dtypes.get(String(stored));
    if (!dtype) throw new BundleError(`the weight ${name} is of dtype ${stored}, unknown here`);
    const [begin, end] = offsets.map(Number) as [number, number];
    if (!(begin >= 0) || end - begin !== sizeOf(shape) * itemSize(dtype)) {
      throw broken(`the bytes of ${name} don't fill its shape`);
    }
    slots.push({ name, dtype, shape, begin, end });
  }
  slots.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const shared = slots.find(({ begin }, index) => begin < (slots[index - 1]?.end ?? 0));
  if (shared) throw broken(`the bytes of ${shared.name} are another weight's, too`);
  return slots;
}

/** The file ends before the bytes of a tensor do. */
export function cutShort(name: string): BundleError {
  return broken(`it ends within the bytes of ${name}`);
}

/** The file is no safetensors file. */
export function broken(problem: string): BundleError {
  return new BundleError(`the safetensors file is truncated or corrupt: ${problem}`);
}

/** Read a safetensors file: a Tensor, with a copy of the data, for each name. */
export function readSafetensors(file: Uint8Array): Record<string, Tensor> {
  return Object.fromEntries(
    [...readEntries(file)].map(([name, { dtype, shape, bytes }]) => {
      return [
        name,
        { dtype, shape, data: copyOut(dtype, bytes.buffer, bytes.byteOffset, sizeOf(shape)) },
      ];
    }),
  );
}

/** Write tensors as a safetensors file, in the order given. */
export function writeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: NAMES[dtype], shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const text = escapeNonAscii(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(HEADER_LENGTH_BYTES + length + end);
  new DataView(file.buffer).setUint32(0, length, true);
  for (let i = 0; i < length; i++) {
    file[HEADER_LENGTH_BYTES + i] = i < text.length ? text.charCodeAt(i) : 32;
  }
  let at = HEADER_LENGTH_BYTES + length;
  for (const { data } of Object.values(tensors)) {
    file.set(bytesOf(data), at);
    at += data.byteLength;
  }
  return file;
}

type Header = Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;

function parseHeader(bytes: Uint8Array): Header | undefined {
  try {
    const header: unknown = JSON.parse(decodeUtf8(bytes));
    return typeof header === "object" && header !== null ? (header as Header) : undefined;
  } catch {
    return undefined;
  }
}

/** Keep JSON's meaning with ASCII alone, which needs no encoder: not every engine has one. */
function escapeNonAscii(json: string): string {
  return json.replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Decode well-formed UTF-8; not every engine has a TextDecoder. */
function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i++] as number;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const trailing = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let point = lead & (0x3f >> trailing);
    for (let k = 0; k < trailing; k++) point = (point << 6) | ((bytes[i++] ?? 0) & 0x3f);
    text += String.fromCodePoint(point);
  }
  return text;
}
