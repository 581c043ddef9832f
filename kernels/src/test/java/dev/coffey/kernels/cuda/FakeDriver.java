package dev.coffey.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A driver that computes nothing. Memory and copies are real, so that what the host lays out can
/// be read back; each launch's arguments are held against the parameters of the shipped PTX;
/// whatever is taken and not given back is found; any call can be made to fail. Work is given to it
/// by one thread at a time; others may wait for events meanwhile.
final class FakeDriver implements CudaDriver {
  private static final Pattern ENTRY = Pattern.compile("\\.entry (\\w+)\\(([^)]*)\\)");
  private static final Pattern PARAMETER = Pattern.compile("\\.param \\.([a-z])(\\d+) ");

  /// What was read of an image before: that takes longer than most tests.
  private static final Map<String, Map<String, List<Integer>>> ENTRIES = new ConcurrentHashMap<>();

  /// One launch, recorded or not.
  record Launched(String entry, LaunchShape shape, List<Long> arguments) {}

  /// A handle of any kind, on a device.
  private record Handle(String kind, int number, int device)
      implements Context, Stream, Event, Graph {}

  private record FakeModule(int number, int device, Map<String, List<Integer>> parameters)
      implements Module {}

  private record FakeFunction(String name, List<Integer> parameters, int device)
      implements Function {}

  private record Allocation(Arena arena, MemorySegment memory, int device) {}

  private final int devices;
  private final TreeMap<Long, Allocation> memory = new TreeMap<>();
  private final Set<Object> taken = new HashSet<>();
  private final Map<Graph, List<Launched>> recorded = new HashMap<>();
  private final Map<Thread, Handle> current = new ConcurrentHashMap<>();

  /// Every call, by its name, in order; but for which context is current.
  final List<String> calls = Collections.synchronizedList(new ArrayList<>());

  /// Every launch that was done, those of graphs too.
  final List<Launched> launches = new ArrayList<>();

  /// The kernels that shared memory was asked for.
  final List<String> sharing = new ArrayList<>();

  /// The streams that copies to the device went through.
  final Set<Stream> copyStreams = new HashSet<>();

  /// The streams that kernels and graphs went through.
  final Set<Stream> computeStreams = new HashSet<>();

  /// What a driver refuses whose fat binaries it can't read: then there is PTX.
  boolean readsMachineCode;

  int capability = 80;
  long freeBytes = 8L << 30;
  private int numbers;
  private @Nullable List<Launched> recording;
  private int failAt = -1;
  private int failure;
  private volatile boolean lost;

  FakeDriver(int devices) {
    this.devices = devices;
  }

  /// Makes the call number `call`, counted from now, fail with `code`.
  void fail(int call, int code) {
    failAt = calls.size() + call;
    failure = code;
  }

  /// Whether all that was taken has been given back.
  boolean clean() {
    return taken.isEmpty() && memory.isEmpty() && recording == null;
  }

  String leftovers() {
    return taken + " " + memory.values();
  }

  /// From now on all calls fail.
  void lose(int code) {
    failure = code;
    lost = true;
  }

  private synchronized void call(String name) {
    calls.add(name);
    if (lost || calls.size() - 1 == failAt) {
      CudaException e = new CudaException(name, failure, "made to fail");
      lost |= e.deviceLost();
      throw e;
    }
  }

  private Handle take(String kind, int device) {
    Handle handle = new Handle(kind, numbers++, device);
    taken.add(handle);
    return handle;
  }

  private void give(Object handle) {
    if (!taken.remove(handle)) {
      throw new AssertionError("given back twice: " + handle);
    }
  }

  private int device() {
    Handle context = current.get(Thread.currentThread());
    if (context == null || !taken.contains(context)) {
      throw new AssertionError("no current context");
    }
    return context.device();
  }

  /// Handles are used under their own context.
  private void own(Object handle) {
    int device =
        switch (handle) {
          case Handle(_, _, int owner) -> owner;
          case FakeModule module -> module.device();
          case FakeFunction function -> function.device();
          default -> throw new AssertionError(handle);
        };
    if (device != device()) {
      throw new AssertionError(handle + " used under device " + device());
    }
  }

  private void notRecording(String call) {
    if (recording != null) {
      throw new AssertionError(call + " while recording");
    }
  }

  @Override
  public int version() {
    return 12040;
  }

  @Override
  public int deviceCount() {
    return devices;
  }

  @Override
  public DeviceProperties properties(int ordinal) {
    call("properties");
    return new DeviceProperties(
        ordinal,
        "Fake " + ordinal,
        capability / 10,
        capability % 10,
        4,
        8L << 30,
        99 << 10,
        0,
        0,
        0);
  }

  @Override
  public Context retain(int ordinal) {
    call("retain");
    Handle context = take("context", ordinal);
    current.put(Thread.currentThread(), context);
    return context;
  }

  @Override
  public void makeCurrent(Context context) {
    if (lost) {
      throw new CudaException("makeCurrent", failure, "made to fail");
    }
    current.put(Thread.currentThread(), (Handle) context);
  }

  @Override
  public void release(Context context) {
    call("release");
    give(context);
  }

  @Override
  public Memory memory() {
    return new Memory(freeBytes, 8L << 30);
  }

  @Override
  public Module load(MemorySegment image) {
    call("load");
    String text = new String(image.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
    if (!readsMachineCode && !text.startsWith(".version") && !text.startsWith("\n.version")) {
      throw new CudaException("load", CudaException.NO_BINARY_FOR_GPU, "made to fail");
    }
    Map<String, List<Integer>> entries = ENTRIES.computeIfAbsent(text, FakeDriver::entries);
    FakeModule module = new FakeModule(numbers++, device(), entries);
    taken.add(module);
    return module;
  }

  /// The sizes of every kernel's parameters.
  private static Map<String, List<Integer>> entries(String text) {
    Map<String, List<Integer>> entries = new HashMap<>();
    Matcher entry = ENTRY.matcher(text);
    while (entry.find()) {
      List<Integer> sizes = new ArrayList<>();
      Matcher parameter = PARAMETER.matcher(entry.group(2));
      while (parameter.find()) {
        sizes.add(Integer.parseInt(parameter.group(2)) / 8);
      }
      entries.put(entry.group(1), sizes);
    }
    return entries;
  }

  @Override
  public void unload(Module module) {
    call("unload");
    own(module);
    give(module);
  }

  @Override
  public Function function(Module module, String name) {
    call("function");
    own(module);
    List<Integer> parameters = ((FakeModule) module).parameters().get(name);
    if (parameters == null) {
      throw new CudaException("function " + name, CudaException.NOT_FOUND, "no such kernel");
    }
    return new FakeFunction(name, parameters, device());
  }

  @Override
  public void preferSharedMemory(Function function) {
    call("preferSharedMemory");
    own(function);
    sharing.add(((FakeFunction) function).name());
  }

  @Override
  public long allocate(long bytes) {
    call("allocate");
    notRecording("allocate");
    if (bytes > freeBytes) {
      throw new CudaException("allocate", CudaException.OUT_OF_MEMORY, "made to fail");
    }
    freeBytes -= bytes;
    Allocation allocation = allocation(bytes, device());
    memory.put(allocation.memory().address(), allocation);
    return allocation.memory().address();
  }

  @SuppressWarnings("MustBeClosedChecker") // free closes it
  private static Allocation allocation(long bytes, int device) {
    Arena arena = Arena.ofShared();
    return new Allocation(arena, arena.allocate(bytes, 256).fill((byte) 0xee), device);
  }

  @Override
  public void free(long address) {
    call("free");
    Allocation allocation = memory.remove(address);
    if (allocation == null || allocation.device() != device()) {
      throw new AssertionError("freed, and not allocated on this device: " + address);
    }
    freeBytes += allocation.memory().byteSize();
    allocation.arena().close();
  }

  @Override
  public MemorySegment allocatePinned(long bytes) {
    call("allocatePinned");
    notRecording("allocatePinned");
    Allocation allocation = allocation(bytes, device());
    memory.put(allocation.memory().address(), allocation);
    return allocation.memory().fill((byte) 0);
  }

  @Override
  public void freePinned(MemorySegment pinned) {
    call("freePinned");
    Allocation allocation = memory.remove(pinned.address());
    if (allocation == null) {
      throw new AssertionError("freed twice: " + pinned);
    }
    allocation.arena().close();
  }

  @Override
  public Stream createStream() {
    call("createStream");
    return take("stream", device());
  }

  @Override
  public void destroy(Stream stream) {
    call("destroyStream");
    own(stream);
    give(stream);
  }

  @Override
  public void synchronize(Stream stream) {
    call("synchronize");
    notRecording("synchronize");
    own(stream);
  }

  @Override
  public Event createEvent(boolean timed) {
    call("createEvent");
    return take("event", device());
  }

  @Override
  public void destroy(Event event) {
    call("destroyEvent");
    give(event);
  }

  @Override
  public void record(Event event, Stream stream) {
    call("recordEvent");
    own(event);
    own(stream);
  }

  @Override
  public void await(Stream stream, Event event) {
    call("await");
    own(event);
    own(stream);
  }

  @Override
  public void synchronize(Event event) {
    call("synchronizeEvent");
    own(event);
  }

  @Override
  public float milliseconds(Event from, Event to) {
    call("milliseconds");
    return 1;
  }

  @Override
  public void fill(long address, byte value, long bytes, Stream stream) {
    call("fill");
    notRecording("fill");
    own(stream);
    at(address, bytes).fill(value);
  }

  @Override
  public void copyToDevice(MemorySegment source, long target, Stream stream) {
    call("copyToDevice");
    notRecording("copyToDevice");
    own(stream);
    copyStreams.add(stream);
    // Pinned?
    var _ = at(source.address(), source.byteSize());
    at(target, source.byteSize()).copyFrom(source);
  }

  @Override
  public void copyToHost(long source, MemorySegment target, Stream stream) {
    call("copyToHost");
    notRecording("copyToHost");
    own(stream);
    at(target.address(), target.byteSize()).copyFrom(at(source, target.byteSize()));
  }

  @Override
  public void copyOnDevice(long source, long target, long bytes, Stream stream) {
    call("copyOnDevice");
    at(target, bytes).copyFrom(at(source, bytes));
  }

  /// Memory that was allocated, all of it in one piece.
  MemorySegment at(long address, long bytes) {
    Map.Entry<Long, Allocation> entry = memory.floorEntry(address);
    if (entry == null) {
      throw new AssertionError("no memory at " + address);
    }
    return entry.getValue().memory().asSlice(address - entry.getKey(), bytes);
  }

  @Override
  public void launch(
      Function function, LaunchShape shape, KernelArguments arguments, Stream stream) {
    call("launch");
    own(stream);
    own(function);
    computeStreams.add(stream);
    FakeFunction kernel = (FakeFunction) function;
    List<Long> values = new ArrayList<>();
    int offset = 0;
    for (int i = 0; i < kernel.parameters().size(); i++) {
      int size = kernel.parameters().get(i);
      offset = (offset + size - 1) / size * size;
      if (i >= arguments.count() || arguments.offset(i) != offset) {
        throw new AssertionError(kernel.name() + ": argument " + i + " is not where it should be");
      }
      values.add(
          size == Long.BYTES
              ? arguments.bytes().get(ValueLayout.JAVA_LONG, offset)
              : arguments.bytes().get(ValueLayout.JAVA_INT, offset));
      offset += size;
    }
    if (arguments.count() != values.size() || arguments.bytes().byteSize() != offset) {
      throw new AssertionError(
          "%s: %d arguments for %d parameters"
              .formatted(kernel.name(), arguments.count(), values.size()));
    }
    Launched launched = new Launched(kernel.name(), shape, List.copyOf(values));
    (recording == null ? launches : recording).add(launched);
  }

  @Override
  public void beginCapture(Stream stream) {
    call("beginCapture");
    own(stream);
    notRecording("beginCapture");
    recording = new ArrayList<>();
  }

  @Override
  public Graph endCapture(Stream stream) {
    List<Launched> launched = recording;
    if (launched == null) {
      throw new AssertionError("endCapture without beginCapture");
    }
    recording = null;
    call("endCapture");
    Graph graph = take("graph", device());
    recorded.put(graph, launched);
    return graph;
  }

  @Override
  public void destroy(Graph graph) {
    call("destroyGraph");
    give(graph);
  }

  @Override
  public void launch(Graph graph, Stream stream) {
    call("launchGraph");
    own(graph);
    own(stream);
    launches.addAll(recorded.get(graph));
  }
}
