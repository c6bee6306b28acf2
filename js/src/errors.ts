/**
 * Every error that the runtime throws on purpose. Each message says what is wrong, where, and what
 * to do. The names equal those of the Python package, so that an error keeps its type when it
 * crosses from an engine into Python; each class tells it itself, since a minifier renames classes,
 * and by an accessor, since an engine writes the first line of `stack` before fields are set.
 *
 *     PyjsmlError
 *       OptionError           an option of an executor
 *       InputError            an input of a run
 *       BundleError           a file of the bundle is malformed
 *         LoadError           ... can't be read
 *         DigestError         ... has other bytes than the bundle promises
 *         FormatVersionError  ... is of another format version
 *       ExecutorError         a module of one's own has no executor or policies
 *       PlacementError        ops can't run where they are placed
 *       OutOfMemoryError      the host refuses the memory that a run needs
 *       DeviceError           a device can't be had here, or can't do it
 *         DeviceLostError     ... has lost what was on it
 *         ShaderError         ... has a driver that rejects shaders
 *       KernelError           an op failed while it ran
 *       WorkerError           a thread did not start, or has died
 *       StateError            the executor is disposed or busy, or a hook broke its promise
 *       DeadlockError         owners of accelerators would wait for each other forever
 */

export class PyjsmlError extends Error {
  override get name(): string {
    return "PyjsmlError";
  }
  /** Each thing that is wrong, where there may be several. */
  readonly problems: readonly string[];

  constructor(summary: string, problems: readonly string[] = [], options?: ErrorOptions) {
    super([summary, ...problems].join("\n  - "), options);
    this.problems = problems;
  }
}

/** An option of an executor is of no use. */
export class OptionError extends PyjsmlError {
  override get name(): string {
    return "OptionError";
  }
}

/** An input of a run is missing, misnamed, or of the wrong dtype, shape or length. */
export class InputError extends PyjsmlError {
  override get name(): string {
    return "InputError";
  }
}

/** A file of the bundle is malformed, or does not fit the model. */
export class BundleError extends PyjsmlError {
  override get name(): string {
    return "BundleError";
  }
}

/** A file of the bundle can't be read. */
export class LoadError extends BundleError {
  override get name(): string {
    return "LoadError";
  }
}

/** A file's bytes are not those that the bundle promises. */
export class DigestError extends BundleError {
  override get name(): string {
    return "DigestError";
  }
}

/** The bundle was written in a format version that this runtime does not read. */
export class FormatVersionError extends BundleError {
  override get name(): string {
    return "FormatVersionError";
  }
}

/** A module of one's own exports neither a class of executors nor policies. */
export class ExecutorError extends PyjsmlError {
  override get name(): string {
    return "ExecutorError";
  }
}

/** Ops can't run where `place` put them. */
export class PlacementError extends PyjsmlError {
  override get name(): string {
    return "PlacementError";
  }
}

/** The host refuses the memory that the model needs. */
export class OutOfMemoryError extends PyjsmlError {
  override get name(): string {
    return "OutOfMemoryError";
  }
}

/** A device can't be had on this machine, or can't do what is asked of it. */
export class DeviceError extends PyjsmlError {
  override get name(): string {
    return "DeviceError";
  }
}

/** What was on a device is gone: the browser took its context away. */
export class DeviceLostError extends DeviceError {
  override get name(): string {
    return "DeviceLostError";
  }
}

/** A driver rejects shaders; each problem is an op, where it comes from, and what the driver says. */
export class ShaderError extends DeviceError {
  override get name(): string {
    return "ShaderError";
  }
}

/** An op failed while it ran; the message names it and where it comes from. */
export class KernelError extends PyjsmlError {
  override get name(): string {
    return "KernelError";
  }
}

/** A thread of the executor did not start, or has died. */
export class WorkerError extends PyjsmlError {
  override get name(): string {
    return "WorkerError";
  }
}

/** The executor can't do this now: it is disposed or busy, or a hook of it broke its promise. */
export class StateError extends PyjsmlError {
  override get name(): string {
    return "StateError";
  }
}

/** Owners of accelerators would wait for each other forever; each problem is one link of the circle. */
export class DeadlockError extends PyjsmlError {
  override get name(): string {
    return "DeadlockError";
  }
}
