import type { DType } from "./data.js";
import { BundleError } from "./errors.js";
import { bytesOf, copyOut, itemSize, type Shape, sizeOf, type Tensor } from "./tensor.js";

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
const HEADER_LENGTH_BYTES = 8;

/** Read the entries of a safetensors file without copying. Throws BundleError if malformed. */
export function readEntries(file: Uint8Array): Map<string, Entry> {
  const broken = (problem: string) =>
    new BundleError(`the safetensors file is truncated or corrupt: ${problem}`);
  if (file.length < HEADER_LENGTH_BYTES) throw broken(`it has only ${file.length} bytes`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  const start = HEADER_LENGTH_BYTES + length;
  if (start > file.length) throw broken(`its header of ${length} bytes goes past its end`);

  const header = parseHeader(file.subarray(HEADER_LENGTH_BYTES, start));
  if (!header) throw broken("its header is not JSON");
  const dtypes = new Map(Object.entries(NAMES).map(([dtype, name]) => [name, dtype as DType]));
  const entries = new Map<string, Entry>();
  for (const [name, fields] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype: stored, shape, data_offsets: offsets } = fields ?? {};
    if (!Array.isArray(shape) || !Array.isArray(offsets)) {
      throw broken(`its header does not describe ${name}`);
    }
    const dtype = dtypes.get(String(stored));
    if (!dtype) throw new BundleError(`the weight ${name} is of dtype ${stored}, unknown here`);
    const bytes = file.subarray(start + Number(offsets[0]), start + Number(offsets[1]));
    if (bytes.length !== sizeOf(shape) * itemSize(dtype)) {
      throw broken(`the bytes of ${name} don't fill its shape`);
    }
    entries.set(name, { dtype, shape, bytes });
  }
  return entries;
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
