// Safetensors files, as the Python side writes and reads them, without a runtime's help: a page that
// measures a cold start is to load nothing but what it measures.

const ARRAYS = {
  F32: [Float32Array, "float32"],
  F64: [Float64Array, "float64"],
  I64: [BigInt64Array, "int64"],
  I32: [Int32Array, "int32"],
  I8: [Int8Array, "int8"],
  U8: [Uint8Array, "uint8"],
  BOOL: [Uint8Array, "bool"],
};

/** Read a file: `{name: {dtype, shape, data}}`. */
export function readTensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return Object.fromEntries(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => {
        const [Kind, own] = ARRAYS[dtype];
        const data = new Kind(buffer.slice(8 + length + begin, 8 + length + end));
        return [name, { dtype: own, shape, data }];
      },
    ),
  );
}
