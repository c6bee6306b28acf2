export {
  Accelerator,
  type AcceleratorOptions,
  type Lease,
  type LeaseRequest,
  type Locks,
} from "./accelerator/accelerator.js";
export { Owner } from "./accelerator/owner.js";
export type { Block } from "./executor/blocks.js";
export { type DType, FORMAT_VERSION, type ModelData, type PortData } from "./data.js";
export {
  BundleError,
  DeadlockError,
  DeviceError,
  DeviceLostError,
  DigestError,
  ExecutorError,
  FormatVersionError,
  InputError,
  KernelError,
  LoadError,
  OptionError,
  OutOfMemoryError,
  PlacementError,
  PyjsmlError,
  ShaderError,
  StateError,
  WorkerError,
} from "./errors.js";
export {
  createCustom,
  createCustomSync,
  type Custom,
  type CustomExecutor,
} from "./executor/custom.js";
export type { Description, OpDescription } from "./executor/describe.js";
export type { BoundOp, Call, Device, DeviceName, Room, TextureOf, Use } from "./devices/device.js";
export type { DeviceOption } from "./devices/devices.js";
export type { Binding } from "./dims.js";
export { type Created, Executor } from "./executor/executor.js";
export type { Next, NextSync } from "./executor/hooks.js";
export type { Host } from "./host.js";
export {
  defineModel,
  type Feed,
  type InputsOf,
  type Model,
  type Op,
  type OpNameOf,
  type OutputsOf,
  type Ports,
} from "./model.js";
export type { Bytes, CreateOptions, CreateSyncOptions, Isa, Progress } from "./executor/options.js";
export type { Parts } from "./executor/parts.js";
export {
  Pipeline,
  pipeline,
  type PipelineOptions,
  type Stage,
  type StageOptions,
} from "./executor/pipeline.js";
export type { Placement, PlacementOptions } from "./schedule/placement.js";
export type { WebGl2Options } from "./webgl2/context.js";
export { type Choice, pickDevice } from "./devices/pick.js";
export { type Channels, type Picture, picture, type PictureOptions } from "./picture/picture.js";
export type { Policy, Run } from "./executor/policy.js";
export type { Threads } from "./threads/host.js";
export type { ReadOptions } from "./run/reach.js";
export type {
  Capture,
  Feeds,
  PartOptions,
  PartSyncOptions,
  RunOptions,
  RunSyncOptions,
} from "./run/run.js";
export { readSafetensors, writeSafetensors } from "./load/safetensors.js";
export { type DataOf, type Shape, type Tensor, tensor } from "./tensor.js";
export {
  Trace,
  type TraceOptions,
  type TraceRow,
  type TraceSpan,
  type Work,
} from "./trace/trace.js";
export type { ChromeEvent, ChromeTrace } from "./trace/chrome.js";
