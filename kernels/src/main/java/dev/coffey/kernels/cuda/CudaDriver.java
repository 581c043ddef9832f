package dev.coffey.kernels.cuda;

import java.lang.foreign.MemorySegment;

/// The CUDA driver API as far as this backend uses it, with exceptions for error codes. Behind it
/// stands the real driver; in tests a fake one that records, or one that interprets the kernels.
///
/// Device memory is an address, as kernels take it: a `long`. Handles belong to the driver that
/// made them and are freed once, by whoever got them.
///
/// All calls may throw [CudaException]. As in CUDA itself an error of an earlier asynchronous call
/// may show in a later call.
///
/// Threads: a context is current for the thread that made it so; calls without a handle of their
/// own ([#allocate], [#load], ...) go to the calling thread's current context.
interface CudaDriver {
  /// A device's primary context, held.
  interface Context {}

  /// Kernels that were loaded into a context.
  interface Module {}

  /// A kernel of a module.
  interface Function {}

  /// A queue of work that is done in order.
  interface Stream {}

  /// A point in a stream.
  interface Event {}

  /// Work that was recorded and can be run as a whole.
  interface Graph {}

  /// Bytes of a device's memory.
  record Memory(long free, long total) {}

  /// The newest CUDA version that the driver knows: 13000 for 13.0.
  int version();

  int deviceCount();

  DeviceProperties properties(int ordinal);

  /// Holds the primary context of a device and makes it current. [#release] gives it back.
  Context retain(int ordinal);

  /// Makes `context` the calling thread's.
  void makeCurrent(Context context);

  void release(Context context);

  Memory memory();

  /// Loads an image: a fat binary, or PTX as text that ends with a zero byte.
  Module load(MemorySegment image);

  void unload(Module module);

  /// The kernel of that name; error 500 if there is none.
  Function function(Module module, String name);

  /// Asks that a multiprocessor which runs `function` gives as much of its memory as it can to
  /// shared memory, and the rest to its cache. A wish: the driver may do otherwise.
  void preferSharedMemory(Function function);

  /// Memory aligned to at least 256 bytes, of undefined content.
  long allocate(long bytes);

  void free(long address);

  /// Host memory that copies go to and from without a detour and beside computing. Zeroed.
  MemorySegment allocatePinned(long bytes);

  /// Frees the whole of what [#allocatePinned] gave.
  void freePinned(MemorySegment memory);

  Stream createStream();

  void destroy(Stream stream);

  /// Waits until everything in the stream is done.
  void synchronize(Stream stream);

  /// A new event; `timed`: whether [#milliseconds] may be asked of it.
  Event createEvent(boolean timed);

  void destroy(Event event);

  /// Puts the event behind all that is in the stream.
  void record(Event event, Stream stream);

  /// What comes into the stream from now on waits for the event.
  void await(Stream stream, Event event);

  /// Waits until the event's point was reached.
  void synchronize(Event event);

  /// The time between two timed events that were reached.
  float milliseconds(Event from, Event to);

  /// Sets `bytes` bytes from `address` on to `value`.
  void fill(long address, byte value, long bytes, Stream stream);

  /// Copies all of `source`, pinned memory that must not change until the copy is done.
  void copyToDevice(MemorySegment source, long target, Stream stream);

  /// Fills all of `target`, pinned memory, once the stream comes to it.
  void copyToHost(long source, MemorySegment target, Stream stream);

  /// Copies within the device.
  void copyOnDevice(long source, long target, long bytes, Stream stream);

  /// Launches a kernel. The arguments are read before this returns.
  void launch(Function function, LaunchShape shape, KernelArguments arguments, Stream stream);

  /// From now on what is put into `stream` is recorded, not done. No memory may be allocated and
  /// nothing waited for until [#endCapture], and the calling thread must make both calls.
  void beginCapture(Stream stream);

  /// Ends the recording and makes it ready to launch, with all the memory that it needs. If the
  /// recording became invalid, this throws and the stream is no longer recording.
  Graph endCapture(Stream stream);

  void destroy(Graph graph);

  /// Runs what was recorded, with the arguments that it was recorded with.
  void launch(Graph graph, Stream stream);
}
