package dev.coffey.kernels.cuda;

import dev.coffey.kernels.cuda.ptx.DeviceMemory;
import dev.coffey.kernels.cuda.ptx.Machine;
import dev.coffey.kernels.cuda.ptx.PtxModule;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// A driver with one device, which interprets the kernels' PTX. Everything put into a stream is
/// done at once, unless it is recorded. Or, if so asked, as early and as late as a card may do it:
/// a copy at once where nothing is before it in its stream, a kernel and what is behind it only
/// when it is waited for. What a kernel must not do comes as a [Fault], which names kernel and
/// line.
///
/// [#close] fails if anything was not given back.
final class InterpretedDriver implements CudaDriver, AutoCloseable {
  private static final int VERSION = 11040;
  private static final long MEMORY_BYTES = 8L << 30;
  private static final int STREAM_CAPTURE_UNSUPPORTED = 900;

  /// What a fat binary begins with.
  private static final int FAT_BINARY = 0xBA55ED50;

  /// Texts that were read before: reading one takes longer than most tests.
  private static final Map<String, PtxModule> MODULES = new ConcurrentHashMap<>();

  private record OwnContext() implements Context {}

  private record OwnModule(PtxModule ptx) implements CudaDriver.Module {}

  private record OwnFunction(PtxModule ptx, String name) implements Function {}

  private static final class OwnStream implements Stream {
    /// What is being recorded; null while nothing is.
    private @Nullable List<Runnable> recording;

    /// What is still to be done.
    private final Deque<Runnable> queue = new ArrayDeque<>();

    private void drain() {
      while (!queue.isEmpty()) {
        queue.remove().run();
      }
    }
  }

  private static final class OwnEvent implements Event {
    /// Where it was recorded last; null while it was not.
    private @Nullable Point point;
  }

  /// A place in a stream's work.
  private static final class Point {
    private final OwnStream stream;
    private boolean reached;

    Point(OwnStream stream) {
      this.stream = stream;
    }

    private void reach() {
      while (!reached) {
        stream.queue.remove().run();
      }
    }
  }

  private record OwnGraph(List<Runnable> work) implements Graph {}

  private final DeviceProperties properties;
  private final UnaryOperator<String> edit;
  private final DeviceMemory memory;
  private final Machine machine;
  private final Set<String> kernels = new HashSet<>();
  private final boolean late;
  private final Consumer<InterpretedDriver> atClose;
  private int held;

  /// @param capability 75 or 80: which PTX the host code chooses
  /// @param multiprocessors what the device seems to have, by which tiles are chosen
  /// @param edit changes the PTX before it is read, to plant a fault
  /// @param late whether kernels wait until they are waited for
  /// @param atClose is told when the device's context is released
  InterpretedDriver(
      int capability,
      int multiprocessors,
      UnaryOperator<String> edit,
      boolean late,
      Consumer<InterpretedDriver> atClose) {
    this.late = late;
    int sharedBytes = capability >= 80 ? 163 << 10 : 64 << 10;
    this.properties =
        new DeviceProperties(
            0,
            "interpreted",
            capability / 10,
            capability % 10,
            multiprocessors,
            MEMORY_BYTES,
            sharedBytes,
            0,
            0,
            0);
    this.edit = edit;
    this.atClose = atClose;
    this.memory = new DeviceMemory(true);
    // Static shared memory is limited to 48 KiB on every card; our kernels have no dynamic one.
    this.machine = new Machine(memory, 48 << 10);
  }

  /// Thread instructions that were executed.
  long instructions() {
    return machine.instructions();
  }

  /// The kernels that were launched.
  Set<String> kernels() {
    return kernels;
  }

  @Override
  public int version() {
    return VERSION;
  }

  @Override
  public int deviceCount() {
    return 1;
  }

  @Override
  public DeviceProperties properties(int ordinal) {
    return properties;
  }

  @Override
  public Context retain(int ordinal) {
    held++;
    return new OwnContext();
  }

  @Override
  public void makeCurrent(Context context) {}

  @Override
  public void release(Context context) {
    held--;
    atClose.accept(this);
  }

  @Override
  public Memory memory() {
    return new Memory(MEMORY_BYTES - memory.allocated(), MEMORY_BYTES);
  }

  @Override
  public CudaDriver.Module load(MemorySegment image) {
    byte[] bytes = image.toArray(ValueLayout.JAVA_BYTE);
    if (image.byteSize() > 4 && image.get(ValueLayout.JAVA_INT_UNALIGNED, 0) == FAT_BINARY) {
      throw new CudaException(
          "cuModuleLoadData", CudaException.NO_BINARY_FOR_GPU, "no PTX, and nothing else is run");
    }
    String text = new String(bytes, StandardCharsets.UTF_8);
    String edited = edit.apply(text);
    held++;
    return new OwnModule(
        edited.equals(text)
            ? MODULES.computeIfAbsent(text, PtxModule::load)
            : PtxModule.load(edited));
  }

  @Override
  public void unload(CudaDriver.Module module) {
    held--;
  }

  @Override
  public Function function(CudaDriver.Module module, String name) {
    PtxModule ptx = ((OwnModule) module).ptx();
    if (!ptx.has(name)) {
      throw new CudaException("cuModuleGetFunction", CudaException.NOT_FOUND, name);
    }
    return new OwnFunction(ptx, name);
  }

  @Override
  public void preferSharedMemory(Function function) {}

  @Override
  public long allocate(long bytes) {
    if (memory.allocated() + bytes > MEMORY_BYTES) {
      throw new CudaException("cuMemAlloc", CudaException.OUT_OF_MEMORY, "out of memory");
    }
    held++;
    return memory.allocate(bytes);
  }

  @Override
  public void free(long address) {
    held--;
    memory.free(address);
  }

  @Override
  public MemorySegment allocatePinned(long bytes) {
    held++;
    return Arena.ofAuto().allocate(bytes, 64);
  }

  @Override
  public void freePinned(MemorySegment pinned) {
    held--;
  }

  @Override
  public Stream createStream() {
    held++;
    return new OwnStream();
  }

  @Override
  public void destroy(Stream stream) {
    held--;
  }

  @Override
  public synchronized void synchronize(Stream stream) {
    if (((OwnStream) stream).recording != null) {
      throw new CudaException(
          "cuStreamSynchronize", STREAM_CAPTURE_UNSUPPORTED, "the stream is recording");
    }
    ((OwnStream) stream).drain();
  }

  @Override
  public Event createEvent(boolean timed) {
    held++;
    return new OwnEvent();
  }

  @Override
  public void destroy(Event event) {
    held--;
  }

  @Override
  public synchronized void record(Event event, Stream stream) {
    Point point = new Point((OwnStream) stream);
    ((OwnEvent) event).point = point;
    put(stream, false, () -> point.reached = true);
  }

  @Override
  public synchronized void await(Stream stream, Event event) {
    Point point = ((OwnEvent) event).point;
    if (point != null) {
      // A stream whose other is behind waits with it.
      put(stream, !point.reached, point::reach);
    }
  }

  @Override
  public synchronized void synchronize(Event event) {
    Point point = ((OwnEvent) event).point;
    if (point != null) {
      point.reach();
    }
  }

  @Override
  public float milliseconds(Event from, Event to) {
    return 1;
  }

  @Override
  public void fill(long address, byte value, long bytes, Stream stream) {
    put(stream, false, () -> memory.fill(address, value, bytes));
  }

  @Override
  public void copyToDevice(MemorySegment source, long target, Stream stream) {
    put(stream, false, () -> memory.copyIn(source, target));
  }

  @Override
  public void copyToHost(long source, MemorySegment target, Stream stream) {
    put(stream, false, () -> memory.copyOut(source, target));
  }

  @Override
  public void copyOnDevice(long source, long target, long bytes, Stream stream) {
    put(stream, false, () -> memory.copy(source, target, bytes));
  }

  @Override
  public void launch(
      Function function, LaunchShape shape, KernelArguments arguments, Stream stream) {
    OwnFunction kernel = (OwnFunction) function;
    byte[] parameters = arguments.bytes().toArray(ValueLayout.JAVA_BYTE);
    put(
        stream,
        true,
        () -> {
          kernels.add(kernel.name());
          machine.launch(
              kernel.ptx().kernel(kernel.name()),
              shape.gridX(),
              shape.gridY(),
              shape.gridZ(),
              shape.threads(),
              shape.sharedBytes(),
              parameters);
        });
  }

  /// @param slow whether it is done only once it is waited for, on a device that is late
  private synchronized void put(Stream stream, boolean slow, Runnable work) {
    OwnStream own = (OwnStream) stream;
    if (own.recording != null) {
      own.recording.add(work);
    } else if (late && (slow || !own.queue.isEmpty())) {
      own.queue.add(work);
    } else {
      work.run();
    }
  }

  @Override
  public void beginCapture(Stream stream) {
    ((OwnStream) stream).recording = new ArrayList<>();
  }

  @Override
  public Graph endCapture(Stream stream) {
    List<Runnable> recording = ((OwnStream) stream).recording;
    ((OwnStream) stream).recording = null;
    held++;
    return new OwnGraph(recording == null ? List.of() : recording);
  }

  @Override
  public void destroy(Graph graph) {
    held--;
  }

  @Override
  public void launch(Graph graph, Stream stream) {
    ((OwnGraph) graph).work().forEach(work -> put(stream, true, work));
  }

  @Override
  public void close() {
    if (held != 0 || memory.allocated() != 0) {
      throw new AssertionError(
          held + " handles and " + memory.allocated() + " bytes were not given back");
    }
  }
}
